//! Consent means the strictest of what nothing replaces: a second reading of the grants on disk.
//!
//! Devices that all make the same mistake agree with each other; only what was signed shows it.

use std::collections::BTreeSet;

use cairn_engine::{Grant, Role};

use crate::world::World;

/// Checks all grants on the disks of the documents' owners.
pub(crate) fn counts(world: &World) -> Result<(), String> {
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        let grants: Vec<(&[u8; 32], &Grant)> = world
            .truth
            .grants
            .iter()
            .filter(|(hash, _)| device.disk.image.has_statement(hash))
            .collect();
        for (_, grant) in &grants {
            let (document, grantee) = (grant.origin.document(), grant.grantee);
            if !world.truth.owns(&document, device.person) || grantee == device.person {
                continue;
            }
            let of_both = || {
                grants.iter().filter(|(_, other)| {
                    other.origin.document() == document && other.grantee == grantee
                })
            };
            let replaced: BTreeSet<[u8; 32]> = of_both()
                .flat_map(|(_, other)| other.replaces.iter().map(|hash| hash.0))
                .collect();
            let in_force = of_both().filter(|(hash, _)| !replaced.contains(*hash));
            let strictest = in_force.map(|(_, other)| other.role).min();
            let role = device.engine().role(document, grantee);
            // Nobody has a role in what was erased.
            let retired = device.engine().is_retired(document);
            let strictest = strictest.filter(|_| !retired);
            if role != strictest.unwrap_or(Role::None) {
                return Err(format!(
                    "device {} gives the role {role:?} in {document:?}, what was signed says \
                     {strictest:?}",
                    device.index
                ));
            }
        }
    }
    Ok(())
}
