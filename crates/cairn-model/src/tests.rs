//! Stories of goals and logs over several replicas.

mod agreement;
mod commands;
mod digests;
mod history;
mod merging;
mod one_writer;
mod telling;
mod tolerance;
