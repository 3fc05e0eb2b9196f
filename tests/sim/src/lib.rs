//! Seeded simulation of many engines on a virtual network, disk and clock.
