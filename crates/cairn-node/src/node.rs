//! The node: one person's notebook on one device, running.

use std::path::Path;
use std::sync::Arc;

use cairn_engine::{
    Config, DeviceAdded, DeviceId, Engine, Limits, PersonId, ProcessId, SignedStatement, Statement,
    public_key,
};
use cairn_model::Moment;
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc};

use crate::compression::Zstd;
use crate::core::{Core, lock, wall_millis};
use crate::events::{EVENTS_WAITING_MAX, Events};
use crate::relationships::Relationships;
use crate::rules::ModelRules;
use crate::secret::{Key256, Passphrase, RecoveryCode, SecretBytes, fill_random};
use crate::transport::TransportEvent;
use crate::vault::{KdfCost, Setting, Vault, VaultError};
use crate::views::{Entry, Views};
use crate::workers::Workers;

/// Events of the network that wait for the driver; while they do, peers are slowed down.
const NETWORK_EVENTS_MAX: usize = 256;

/// What a person uses the notebook as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Comes to therapy.
    Client,
    /// Is a therapist.
    Therapist,
    /// Supports someone.
    Supporter,
}

impl Role {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::Therapist => 2,
            Self::Supporter => 3,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Client),
            2 => Some(Self::Therapist),
            3 => Some(Self::Supporter),
            _ => None,
        }
    }
}

/// A notebook to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewNotebook<'a> {
    /// What the person uses it as.
    pub role: Role,
    /// What the person calls themselves; 1 to 100 characters.
    pub name: &'a str,
    /// What opens it.
    pub passphrase: &'a Passphrase,
    /// What a guess at the passphrase costs.
    pub cost: KdfCost,
}

/// Longest name of a person, in characters.
pub const NAME_CHARACTERS_MAX: usize = 100;

/// Why a notebook was not made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The vault's reason.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The name is empty or too long.
    #[error("the name must have 1 to 100 characters; nothing was made")]
    Name,
    /// The vault lacks who it belongs to: it was not made by this program to its end.
    #[error("the vault holds no person; it was not made to its end, and nothing is lost in it")]
    NoPerson,
    /// The system gave no threads or random bytes.
    #[error("the system has no room to run: {0}")]
    System(#[from] std::io::Error),
}

/// Whose notebook it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whoami {
    /// The person.
    pub person: PersonId,
    /// This device.
    pub device: DeviceId,
    /// What the person calls themselves.
    pub name: String,
    /// What they use the notebook as.
    pub role: Role,
}

/// A running notebook. Cheap to clone; usable from any thread; never waits for the network.
///
/// It runs until [`shutdown`](Self::shutdown), or until the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) core: Arc<Core>,
    pub(crate) inner: Arc<Inner>,
}

/// What the handles share beside the core.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) whoami: Whoami,
    pub(crate) device_secret: Key256,
    pub(crate) network_events: mpsc::Sender<TransportEvent>,
    pub(crate) pairing: crate::people::PairingLimits,
    runtime: std::sync::Mutex<Option<Runtime>>,
    pub(crate) handle: tokio::runtime::Handle,
    core: Arc<Core>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

impl Inner {
    /// Ends tasks and threads, after the peers were told and the last commit was made.
    fn end(&self) {
        let Some(runtime) = lock(&self.runtime).take() else {
            return;
        };
        let transport = lock(&self.core.network).transport.take();
        let core = self.core.clone();
        let finish = async move {
            if let Some(transport) = transport {
                transport.shutdown().await;
            }
            core.stop();
        };
        // A runtime cannot be waited for from within itself, and handles may be dropped anywhere.
        let ended = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("cairn-shutdown".into())
                .spawn_scoped(scope, || {
                    runtime.block_on(finish);
                    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
                })
                .map(std::thread::ScopedJoinHandle::join)
        });
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the network was not closed in order");
        }
        self.core.workers.close();
        self.core.save_notes();
    }
}

impl Node {
    /// Makes a notebook in a folder and opens it. The recovery code is given this once.
    ///
    /// # Errors
    /// See [`OpenError`]; no notebook was made.
    pub fn create(folder: &Path, new: &NewNotebook<'_>) -> Result<(Self, RecoveryCode), OpenError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
            return Err(OpenError::Name);
        }
        let (vault, code) = Vault::create(folder, new.passphrase, new.cost)?;
        let recovery = code.person_key_seed();
        let device_secret = Key256::random()?;
        let person = PersonId::from_bytes(public_key(recovery.expose()));
        let added = DeviceAdded::countersigned(person, device_secret.expose(), wall_millis());
        let first = SignedStatement::sign(Statement::DeviceAdded(added), recovery.expose());
        let secret = |bytes: &[u8]| SecretBytes::from(bytes.to_vec());
        vault.put_settings(vec![
            (Setting::Person, secret(person.as_bytes())),
            (Setting::DeviceSecret, secret(device_secret.expose())),
            (Setting::ProfileName, secret(name.as_bytes())),
            (Setting::ProfileRole, secret(&[new.role.number()])),
        ])?;
        let node = Self::start(vault)?;
        let statements = [first.bytes().to_vec()];
        node.core
            .with_engine(|engine, _| engine.introduce(person, &statements));
        node.flush();
        Ok((node, code))
    }

    /// Opens the notebook in a folder.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, OpenError> {
        Self::start(Vault::open(folder, passphrase)?)
    }

    fn start(vault: Vault) -> Result<Self, OpenError> {
        let (whoami, device_secret) = identity(|setting| vault.setting(setting))?;
        let config = Config {
            person: whoami.person,
            device_secret: zeroize::Zeroizing::new(*device_secret.expose()),
            process: ProcessId::from_bytes(fresh()?),
            seed: fresh()?,
            limits: Limits::default(),
            rules: Arc::new(ModelRules),
            compression: Arc::new(Zstd),
        };
        let restored = vault.restored()?;
        let mut views = Views::default();
        let mut notes: std::collections::BTreeMap<_, _> = vault.views()?.into_iter().collect();
        for row in &restored.documents {
            let entry = match notes.remove(&row.document) {
                Some(note) => Entry::from_note(&note, &row.heads),
                None => Entry::default(),
            };
            views.entries.insert(row.document, entry);
        }
        let relationships = Relationships::read(&vault)?;
        let limits = config.limits.clone();
        let engine = Engine::new(config, restored);
        views
            .entries
            .retain(|document, _| !engine.is_retired(*document));
        let unknown: Vec<_> = views
            .entries
            .iter()
            .filter(|(_, entry)| entry.summary.is_none())
            .map(|(document, _)| *document)
            .collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_stack_size(crate::workers::STACK_BYTES)
            .worker_threads(2)
            .thread_name("cairn-network")
            .enable_all()
            .build()?;
        let (events, _) = broadcast::channel(EVENTS_WAITING_MAX);
        let core = Core::new(
            engine,
            vault,
            views,
            Workers::start()?,
            relationships,
            limits,
            events,
        )?;
        let (network_events, received) = mpsc::channel(NETWORK_EVENTS_MAX);
        runtime.spawn(core.clone().drive(received));
        let inner = Inner {
            whoami,
            device_secret,
            network_events,
            pairing: crate::people::PairingLimits::default(),
            handle: runtime.handle().clone(),
            runtime: std::sync::Mutex::new(Some(runtime)),
            core: core.clone(),
        };
        let node = Self {
            core,
            inner: Arc::new(inner),
        };
        node.core.with_engine(|engine, now| {
            engine.expire(now);
            engine.follow_retirements();
        });
        // A document without a note is one that a crash left so: its page is made anew.
        for document in unknown {
            node.core.with_engine(|engine, _| engine.open(document));
        }
        Ok(node)
    }

    /// Whose notebook it is.
    pub fn whoami(&self) -> &Whoami {
        &self.inner.whoami
    }

    /// A queue of everything that happens from now on.
    pub fn subscribe(&self) -> Events {
        Events::new(self.core.events.subscribe(), self.inner.handle.clone())
    }

    /// Names who is called after every change that a person could see, from any thread. It must
    /// return at once and must not call the node. Only the first one named counts.
    pub fn on_change(&self, on_change: Box<dyn Fn() + Send + Sync>) {
        if self.core.on_change.set(on_change).is_err() {
            tracing::debug!("changes are told to one listener only");
        }
    }

    /// Counts up with every change that a person could see.
    pub fn revision(&self) -> u64 {
        lock(&self.core.views).revision
    }

    /// Says that something beside the documents changed that a person can see.
    pub fn touch(&self) {
        self.core.changed();
    }

    /// Whether everything that was done is durable on this device.
    pub fn is_saved(&self) -> bool {
        self.core.with_engine(|engine, _| engine.is_all_stored())
    }

    /// When the vault failed, in Unix milliseconds: since then nothing is saved, until the notebook
    /// is opened again.
    pub fn store_stopped_millis(&self) -> Option<i64> {
        self.core.failed_millis()
    }

    /// Waits until everything that was done so far is durable. Returns whether it is.
    pub fn flush(&self) -> bool {
        self.core.wait_stored()
    }

    /// Ends the node: tells the peers and makes the last commit. The vault is closed with the last
    /// handle; the others can only read until then.
    pub fn shutdown(self) {
        self.inner.end();
    }

    pub(crate) fn moment_now(&self) -> Moment {
        Moment {
            at_millis: wall_millis(),
            offset_minutes: local_offset_minutes(),
        }
    }
}

/// Minutes between local time and UTC, now.
fn local_offset_minutes() -> i16 {
    let seconds = jiff::tz::TimeZone::system()
        .to_offset(jiff::Timestamp::now())
        .seconds();
    i16::try_from(seconds / 60).unwrap_or(0)
}

pub(crate) fn fresh<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Whose notebook it is, from its settings.
pub(crate) fn identity(
    read: impl Fn(Setting) -> Result<Option<SecretBytes>, VaultError>,
) -> Result<(Whoami, Key256), OpenError> {
    let setting =
        |setting| -> Result<SecretBytes, OpenError> { read(setting)?.ok_or(OpenError::NoPerson) };
    let person: [u8; 32] = setting(Setting::Person)?
        .expose()
        .try_into()
        .map_err(|_error| OpenError::NoPerson)?;
    let mut seed: [u8; 32] = setting(Setting::DeviceSecret)?
        .expose()
        .try_into()
        .map_err(|_error| OpenError::NoPerson)?;
    let device_secret = Key256::take(&mut seed);
    let name = String::from_utf8_lossy(setting(Setting::ProfileName)?.expose()).into_owned();
    let role = setting(Setting::ProfileRole)?
        .expose()
        .first()
        .and_then(|number| Role::from_number(*number))
        .ok_or(OpenError::NoPerson)?;
    let device = DeviceId::from_bytes(public_key(device_secret.expose()));
    Ok((
        Whoami {
            person: PersonId::from_bytes(person),
            device,
            name,
            role,
        },
        device_secret,
    ))
}
