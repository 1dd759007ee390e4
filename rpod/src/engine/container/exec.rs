//! Another process in a container that runs.
