//! What must hold in every world, a property a file.

pub(crate) mod acknowledged;
pub(crate) mod consent;
pub(crate) mod converge;
pub(crate) mod erased;
pub(crate) mod limits;
pub(crate) mod policy;
pub(crate) mod proven;
pub(crate) mod view;
