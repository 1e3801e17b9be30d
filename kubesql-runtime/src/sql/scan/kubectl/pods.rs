//! Columns of pods.

use std::cmp::max;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringViewArray, TimestampMicrosecondArray};

use super::arrays::{integers, some_text, texts, times};
use super::fields::{Fields, List, Values};

pub(super) fn column(name: &str, pod: &Fields<'_>) -> Option<ArrayRef> {
    Some(match name {
        "node" => {
            let node = pod.text("spec.nodeName");
            texts(pod, |row| some_text(node.get(row)))
        }
        "nominated_node" => {
            let node = pod.text("status.nominatedNodeName");
            texts(pod, |row| some_text(node.get(row)))
        }
        "ip" => {
            let (list, one) = (pod.list("status.podIPs"), pod.text("status.podIP"));
            let ip = list.items.text("ip");
            texts(pod, |row| {
                let first = list.get(row).next().and_then(|at| ip.get(at));
                some_text(first.or_else(|| one.get(row)))
            })
        }
        "readiness_gates" => {
            let gates = pod.list("spec.readinessGates");
            let gate = gates.items.text("conditionType");
            let conditions = Conditions::new(pod);
            texts(pod, |row| {
                let gates = gates.get(row);
                let total = gates.len();
                let met = gates.filter(|&at| gate.get(at).is_some_and(|gate| conditions.is_true(row, gate))).count();
                (total > 0).then(|| format!("{met}/{total}"))
            })
        }
        _ => {
            let pods = Pods::new(pod);
            match name {
                "ready" => texts(pod, |row| {
                    let summary = pods.summarize(row);
                    Some(format!("{}/{}", summary.ready, summary.total))
                }),
                "status" => texts(pod, |row| some_text(Some(&pods.summarize(row).status))),
                "restarts" => integers(pod, |row| Some(pods.summarize(row).restarts)),
                "last_restart" => times(pod, |row| {
                    let summary = pods.summarize(row);
                    summary.last_restart.filter(|_| summary.restarts != 0)
                }),
                _ => return None,
            }
        }
    })
}

struct Conditions<'a> {
    list: List<'a>,
    types: Values<StringViewArray>,
    status: Values<StringViewArray>,
    reason: Values<StringViewArray>,
}

impl<'a> Conditions<'a> {
    fn new(pod: &Fields<'a>) -> Self {
        let list = pod.list("status.conditions");
        let [types, status, reason] = ["type", "status", "reason"].map(|field| list.items.text(field));
        Self { list, types, status, reason }
    }

    /// Whether the first condition of a type is true.
    fn is_true(&self, row: usize, of: &str) -> bool {
        let first = self.list.get(row).find(|&at| self.types.get(at) == Some(of));
        first.is_some_and(|at| self.status.get(at) == Some("True"))
    }
}

/// The containers of one list of statuses.
struct Statuses<'a> {
    list: List<'a>,
    name: Values<StringViewArray>,
    ready: Values<BooleanArray>,
    started: Values<BooleanArray>,
    restarts: Values<Int64Array>,
    waiting: Values<StringViewArray>,
    running: Values<TimestampMicrosecondArray>,
    exit_code: Values<Int64Array>,
    signal: Values<Int64Array>,
    terminated: Values<StringViewArray>,
    last_finished: Values<TimestampMicrosecondArray>,
}

impl<'a> Statuses<'a> {
    fn new(pod: &Fields<'a>, path: &str) -> Self {
        let list = pod.list(path);
        let items = &list.items;
        Self {
            name: items.text("name"),
            ready: items.boolean("ready"),
            started: items.boolean("started"),
            restarts: items.integer("restartCount"),
            waiting: items.text("state.waiting.reason"),
            running: items.time("state.running.startedAt"),
            exit_code: items.integer("state.terminated.exitCode"),
            signal: items.integer("state.terminated.signal"),
            terminated: items.text("state.terminated.reason"),
            last_finished: items.time("lastState.terminated.finishedAt"),
            list,
        }
    }

    fn waiting(&self, at: usize) -> Option<&str> {
        self.waiting.get(at).filter(|reason| !reason.is_empty())
    }

    /// Whether a container has ended. `exitCode` is required there.
    fn is_terminated(&self, at: usize) -> bool {
        self.exit_code.get(at).is_some() || self.terminated.get(at).is_some()
    }

    /// Whether a container runs. The columns do not tell an empty `running` from none: a container that is ready and
    /// neither waits nor has ended runs.
    fn is_running(&self, at: usize) -> bool {
        self.running.get(at).is_some() || self.ready.is_true(at)
    }

    /// Why a container has ended.
    fn termination(&self, at: usize) -> String {
        match (self.terminated.get(at), self.signal.or_zero(at)) {
            (Some(reason), _) if !reason.is_empty() => reason.to_owned(),
            (_, signal) if signal != 0 => format!("Signal:{signal}"),
            _ => format!("ExitCode:{}", self.exit_code.or_zero(at)),
        }
    }
}

struct Pods<'a> {
    phase: Values<StringViewArray>,
    reason: Values<StringViewArray>,
    deleted: Values<TimestampMicrosecondArray>,
    conditions: Conditions<'a>,
    containers: List<'a>,
    init: List<'a>,
    init_name: Values<StringViewArray>,
    init_policy: Values<StringViewArray>,
    init_statuses: Statuses<'a>,
    statuses: Statuses<'a>,
}

/// What `kubectl get pods` prints of a pod.
#[derive(Default)]
struct Summary {
    ready: usize,
    total: usize,
    status: String,
    restarts: i64,
    last_restart: Option<i64>,
}

impl<'a> Pods<'a> {
    fn new(pod: &Fields<'a>) -> Self {
        let init = pod.list("spec.initContainers");
        Self {
            phase: pod.text("status.phase"),
            reason: pod.text("status.reason"),
            deleted: pod.time("metadata.deletionTimestamp"),
            conditions: Conditions::new(pod),
            containers: pod.list("spec.containers"),
            init_name: init.items.text("name"),
            init_policy: init.items.text("restartPolicy"),
            init,
            init_statuses: Statuses::new(pod, "status.initContainerStatuses"),
            statuses: Statuses::new(pod, "status.containerStatuses"),
        }
    }

    fn summarize(&self, row: usize) -> Summary {
        let phase = self.phase.get(row).unwrap_or_default();
        let reason = self.reason.get(row).unwrap_or_default();
        let mut summary = Summary {
            total: self.containers.get(row).len(),
            status: if reason.is_empty() { phase } else { reason }.to_owned(),
            ..Summary::default()
        };
        let is_gated = |at| {
            self.conditions.types.get(at) == Some("PodScheduled")
                && self.conditions.reason.get(at) == Some("SchedulingGated")
        };
        if self.conditions.list.get(row).any(is_gated) {
            "SchedulingGated".clone_into(&mut summary.status);
        }
        let is_initializing = self.add_init_containers(row, &mut summary);
        if !is_initializing || self.conditions.is_true(row, "Initialized") {
            self.add_containers(row, &mut summary);
        }
        if self.deleted.get(row).is_some() {
            if reason == "NodeLost" {
                "Unknown".clone_into(&mut summary.status);
            } else if !matches!(phase, "Failed" | "Succeeded") {
                "Terminating".clone_into(&mut summary.status);
            }
        }
        summary
    }

    /// Whether an init container is a sidecar, which keeps running.
    fn is_sidecar(&self, row: usize, name: Option<&str>) -> bool {
        let named = self.init.get(row).rfind(|&at| self.init_name.get(at) == name);
        named.is_some_and(|at| self.init_policy.get(at) == Some("Always"))
    }

    /// Adds the init containers up to the first one that has not finished. Returns whether there is such a container.
    fn add_init_containers(&self, row: usize, summary: &mut Summary) -> bool {
        let total = self.init.get(row).len();
        summary.total += self.init.get(row).filter(|&at| self.init_policy.get(at) == Some("Always")).count();
        let statuses = &self.init_statuses;
        let (mut restarts, mut last_restart) = (0, None);
        let mut is_initializing = false;
        for (position, at) in statuses.list.get(row).enumerate() {
            let is_sidecar = self.is_sidecar(row, statuses.name.get(at));
            summary.restarts += statuses.restarts.or_zero(at);
            summary.last_restart = max(summary.last_restart, statuses.last_finished.get(at));
            if is_sidecar {
                restarts += statuses.restarts.or_zero(at);
                last_restart = max(last_restart, statuses.last_finished.get(at));
            }
            let is_terminated = statuses.is_terminated(at);
            if is_terminated && statuses.exit_code.or_zero(at) == 0 {
                continue;
            }
            if is_sidecar && statuses.started.is_true(at) {
                summary.ready += usize::from(statuses.ready.is_true(at));
                continue;
            }
            summary.status = match statuses.waiting(at) {
                _ if is_terminated => format!("Init:{}", statuses.termination(at)),
                Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
                _ => format!("Init:{position}/{total}"),
            };
            is_initializing = true;
            break;
        }
        if !is_initializing || self.conditions.is_true(row, "Initialized") {
            (summary.restarts, summary.last_restart) = (restarts, last_restart);
        }
        is_initializing
    }

    fn add_containers(&self, row: usize, summary: &mut Summary) {
        let statuses = &self.statuses;
        let mut has_running = false;
        let mut error = String::new();
        for at in statuses.list.get(row).rev() {
            summary.restarts += statuses.restarts.or_zero(at);
            summary.last_restart = max(summary.last_restart, statuses.last_finished.get(at));
            if let Some(reason) = statuses.waiting(at) {
                reason.clone_into(&mut summary.status);
            } else if statuses.is_terminated(at) {
                summary.status = statuses.termination(at);
                if statuses.exit_code.or_zero(at) != 0 {
                    error.clone_from(&summary.status);
                }
            } else if statuses.ready.is_true(at) && statuses.is_running(at) {
                has_running = true;
                summary.ready += 1;
            }
        }
        if summary.status == "Completed" {
            let is_ready = || {
                let conditions = &self.conditions;
                let is_ready =
                    |at| conditions.types.get(at) == Some("Ready") && conditions.status.get(at) == Some("True");
                conditions.list.get(row).any(is_ready)
            };
            if has_running && is_ready() {
                "Running".clone_into(&mut summary.status);
            } else if !error.is_empty() {
                summary.status = error;
            } else if has_running {
                "NotReady".clone_into(&mut summary.status);
            }
        }
    }
}
