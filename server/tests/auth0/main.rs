//! The W lines: Auth0 on the wire, in the order of the requirements. A module is a section.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "an answer of another shape fails the test that reads it"
)]

mod a10_neighbours;
mod a11_management;
mod a12_users;
mod a13_devices;
mod a13_methods;
mod a14_clients;
mod a15_log_api;
mod a15_logs;
mod a15_refresh_tokens;
mod a16_sdks;
mod a17_tenant;
mod a18_custom_domains;
mod a1_discovery;
mod a2_client_authentication;
mod a3_accepted;
mod a4_refused;
mod a5_limits;
mod a5_switched_limits;
mod a6_token;
mod a7_tokens;
mod a8_rar;
mod a9_channels;
mod bad_input;
mod golden;
mod races;
