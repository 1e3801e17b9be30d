//! Kubernetes value formats: quantities and times.
