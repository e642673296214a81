//! The order of a plan's tasks: a state machine that does no I/O and knows no time. Pure.
//!
//! The executor asks [`Schedule::ready`] for all that may start, runs it in batches, reports each
//! with [`Schedule::complete`], and asks again until [`Schedule::is_finished`].
//!
//! What is made waits for what it needs. What is removed waits for all that needed it when it was
//! last applied: the removal of those, or the change by which they stopped needing it. A failed task
//! skips those that wait for it, directly or not; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;

use super::{Cycle, Graph, Origin};

/// One operation of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The object.
    pub address: Address,
    /// Whether the object is removed; else it is made, changed or taken over.
    pub removes: bool,
    /// What it needs, as the project says. Not looked at where the object is removed.
    pub needs: BTreeSet<Address>,
    /// What it needed when it was last applied, as the state says.
    pub needed: BTreeSet<Address>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Done,
    /// It did not, or it is not known.
    Failed,
}

/// Why a task was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// Something that it waits for failed.
    Upstream {
        /// What failed, perhaps several steps away.
        failed: Address,
    },
    /// The apply was interrupted.
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Waiting,
    Running,
    Ended,
}

#[derive(Debug)]
struct Node {
    address: Address,
    status: Status,
    /// How many tasks it still waits for.
    before: usize,
    /// The tasks that wait for it.
    after: Vec<usize>,
}

/// Which tasks may start, which run, which are over.
#[derive(Debug)]
pub struct Schedule {
    /// In the order of their addresses.
    nodes: Vec<Node>,
    ready: BTreeSet<usize>,
    running: usize,
    waiting: usize,
    skipped: BTreeMap<Address, Skip>,
}

impl Schedule {
    /// Returns the schedule of some tasks, one for an address at most; a dependency that has no task
    /// is met already.
    pub fn new(tasks: impl IntoIterator<Item = Task>) -> Result<Self, Cycle> {
        let tasks: BTreeMap<Address, Task> = tasks
            .into_iter()
            .map(|task| (task.address.clone(), task))
            .collect();
        let order = order(&tasks);
        if let Some(cycle) = order.cycle() {
            return Err(cycle);
        }
        let index: BTreeMap<&Address, usize> = tasks.keys().zip(0..).collect();
        let mut nodes: Vec<Node> = tasks
            .keys()
            .map(|address| Node {
                address: address.clone(),
                status: Status::Waiting,
                before: 0,
                after: Vec::new(),
            })
            .collect();
        for (address, at) in &index {
            for (first, _) in order.needs(address) {
                nodes[index[first]].after.push(*at);
                nodes[*at].before += 1;
            }
        }
        Ok(Self {
            ready: (0..nodes.len())
                .filter(|at| nodes[*at].before == 0)
                .collect(),
            running: 0,
            waiting: nodes.len(),
            skipped: BTreeMap::new(),
            nodes,
        })
    }

    /// Starts every task that may start, and returns them in the order of their addresses.
    pub fn ready(&mut self) -> Vec<Address> {
        let ready = std::mem::take(&mut self.ready);
        self.running += ready.len();
        self.waiting -= ready.len();
        ready
            .into_iter()
            .map(|at| {
                let node = &mut self.nodes[at];
                node.status = Status::Running;
                node.address.clone()
            })
            .collect()
    }

    /// Notes how a task ended.
    ///
    /// # Panics
    /// If the task is not running: [`ready`](Self::ready) gave it, and it ends once.
    pub fn complete(&mut self, address: &Address, outcome: Outcome) {
        let at = self
            .nodes
            .binary_search_by(|node| node.address.cmp(address))
            .ok()
            .filter(|at| self.nodes[*at].status == Status::Running)
            .expect("a task that is completed was started, and ends once");
        self.nodes[at].status = Status::Ended;
        self.running -= 1;
        match outcome {
            Outcome::Done => self.unblock(at),
            Outcome::Failed => self.skip_after(at),
        }
    }

    /// Starts nothing more; what runs may end.
    pub fn cancel(&mut self) {
        self.ready.clear();
        self.waiting = 0;
        for node in &mut self.nodes {
            if node.status == Status::Waiting {
                node.status = Status::Ended;
                self.skipped.insert(node.address.clone(), Skip::Cancelled);
            }
        }
    }

    /// Whether nothing runs and nothing will.
    pub fn is_finished(&self) -> bool {
        self.running == 0 && self.waiting == 0
    }

    /// Returns the number of tasks that run.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Returns the tasks that were not started and will not be, with the reason.
    pub fn skipped(&self) -> &BTreeMap<Address, Skip> {
        &self.skipped
    }

    fn unblock(&mut self, at: usize) {
        for after in std::mem::take(&mut self.nodes[at].after) {
            let node = &mut self.nodes[after];
            node.before -= 1;
            if node.before == 0 && node.status == Status::Waiting {
                self.ready.insert(after);
            }
        }
    }

    fn skip_after(&mut self, at: usize) {
        let failed = self.nodes[at].address.clone();
        let mut stack = std::mem::take(&mut self.nodes[at].after);
        while let Some(at) = stack.pop() {
            let node = &mut self.nodes[at];
            if node.status != Status::Waiting {
                continue;
            }
            node.status = Status::Ended;
            self.waiting -= 1;
            stack.append(&mut node.after);
            let skip = Skip::Upstream {
                failed: failed.clone(),
            };
            self.skipped.insert(node.address.clone(), skip);
        }
    }
}

/// Returns which task waits for which.
fn order(tasks: &BTreeMap<Address, Task>) -> Graph {
    let mut order = Graph::default();
    for task in tasks.values() {
        order.add_node(&task.address);
        let removes = |address: &&Address| tasks.get(*address).map(|other| other.removes);
        if !task.removes {
            for first in task.needs.iter().filter(|a| removes(a) == Some(false)) {
                order.add_edge(&task.address, first, Origin::Explicit);
            }
        }
        for later in task.needed.iter().filter(|a| removes(a) == Some(true)) {
            order.add_edge(later, &task.address, Origin::Explicit);
        }
    }
    order
}

#[cfg(test)]
mod tests;
