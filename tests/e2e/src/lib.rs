//! End-to-end tests: real QUIC, real vaults, real processes.
