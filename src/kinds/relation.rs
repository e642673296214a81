//! What objects have to do with each other by name: a setting names another object, and says what for. Pure.

/// What an object does with another one that its settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It reads what the other one holds.
    Reads,
    /// It writes what the other one holds.
    Writes,
    /// It says what the other one's content looks like: who reads or writes that is concerned by its changes.
    Describes,
}

/// One object named in another one's settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// What is done with it.
    pub role: Role,
    /// The named object's kind, by keyword.
    pub kind: &'static str,
    /// Its name in the live system.
    pub name: String,
}
