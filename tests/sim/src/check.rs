//! What must hold in every world, a property a file.

pub(crate) mod acknowledged;
pub(crate) mod admitted;
pub(crate) mod consent;
pub(crate) mod converge;
pub(crate) mod copies;
pub(crate) mod drafts;
pub(crate) mod erased;
pub(crate) mod evicted;
pub(crate) mod limits;
pub(crate) mod policy;
pub(crate) mod proven;
pub(crate) mod restricted;
pub(crate) mod strictest;
pub(crate) mod view;
