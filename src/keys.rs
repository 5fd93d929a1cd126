//! The idempotency keys of messages accepted lately.
//!
//! A key stands for a message that is under way or was delivered. One that ended otherwise has
//! done nothing, and whoever sends it again is no duplicate. The oldest key is forgotten first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ebbtide_core::message::{AgentId, MessageId};

/// A key, and whom the message was for.
pub(crate) type Key = (To, Arc<str>);

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum To {
    Agent(AgentId),
    Topic(Arc<str>),
}

/// The keys that are remembered.
#[derive(Debug)]
pub(crate) struct RecentKeys {
    known: HashMap<Key, Known>,
    /// The known ones by age.
    order: BTreeMap<u64, Key>,
    /// Messages under way.
    messages: HashMap<MessageId, (u64, Key)>,
    most: usize,
    last: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    number: u64,
    /// Its message, or copies of its broadcast, that have no outcome.
    live: usize,
    delivered: bool,
}

impl RecentKeys {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            known: HashMap::new(),
            order: BTreeMap::new(),
            messages: HashMap::new(),
            most,
            last: 0,
        }
    }

    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.known.contains_key(key)
    }

    /// Messages of this key were accepted; those of them that have no outcome yet.
    pub(crate) fn remember(&mut self, key: Key, live: &[MessageId]) {
        if self.most == 0 || live.is_empty() {
            return;
        }
        if self.order.len() >= self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.known.remove(&oldest);
        }
        self.last += 1;
        let number = self.last;
        let known = Known {
            number,
            live: live.len(),
            delivered: false,
        };
        let named = live.iter().map(|&message| (message, (number, key.clone())));
        self.messages.extend(named);
        self.known.insert(key.clone(), known);
        self.order.insert(number, key);
    }

    /// A message has its outcome; its key.
    #[inline]
    pub(crate) fn ended(&mut self, message: MessageId, delivered: bool) -> Option<Key> {
        if self.messages.is_empty() {
            return None;
        }
        self.end(message, delivered)
    }

    fn end(&mut self, message: MessageId, delivered: bool) -> Option<Key> {
        let (number, key) = self.messages.remove(&message)?;
        let known = self.known.get_mut(&key).filter(|it| it.number == number);
        if let Some(known) = known {
            known.live -= 1;
            known.delivered |= delivered;
            if known.live == 0 && !known.delivered {
                self.known.remove(&key);
                self.order.remove(&number);
            }
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use ebbtide_core::config::Checked;
    use ebbtide_core::{AgentConfig, BrokerConfig, BrokerState, Submission};
    use ebbtide_policies::fixed::Fixed;
    use ebbtide_policies::units::Time;

    use super::*;

    fn key(name: &str) -> Key {
        (To::Agent(AgentId(0)), name.into())
    }

    /// Only core names messages.
    fn messages() -> Vec<MessageId> {
        let config = Checked::new(BrokerConfig::default()).expect("the defaults are sound");
        let mut state = BrokerState::new(config, Box::new(Fixed::at_start_setting()));
        let agent = state.add_agent(Time::ZERO, AgentConfig::new("agent"));
        let agent = agent.expect("a new name");
        let submission = || Submission::new(agent, Time::ZERO, ());
        let accepted = (0..4).map(|_| state.submit(Time::ZERO, submission()));
        accepted.map(|id| id.expect("there is room")).collect()
    }

    #[test]
    fn a_broadcast_keeps_its_key_if_anybody_got_it() {
        let (mut keys, messages) = (RecentKeys::new(10), messages());
        for (name, delivered) in [("some", true), ("none", false)] {
            keys.remember(key(name), &messages[..2]);
            keys.ended(messages[0], delivered);
            assert!(keys.holds(&key(name)), "one is under way");
            keys.ended(messages[1], false);
            assert_eq!(keys.holds(&key(name)), delivered);
        }
    }

    #[test]
    fn a_key_that_came_again_is_not_forgotten_with_its_elder() {
        let (mut keys, messages) = (RecentKeys::new(2), messages());
        keys.remember(key("a"), &messages[0..1]);
        keys.ended(messages[0], false);
        keys.remember(key("a"), &messages[1..2]);
        keys.remember(key("b"), &messages[2..3]);
        assert!(keys.holds(&key("a")) && keys.holds(&key("b")));
        keys.remember(key("c"), &messages[3..4]);
        assert!(!keys.holds(&key("a")), "two are remembered");
        keys.ended(messages[1], false);
        keys.ended(messages[2], true);
        keys.ended(messages[3], true);
        assert!(keys.messages.is_empty() && keys.known.len() == 2);
        assert_eq!(keys.order.len(), 2);
    }

    #[test]
    fn a_key_that_was_let_go_takes_nobodys_place() {
        let (mut keys, messages) = (RecentKeys::new(2), messages());
        keys.remember(key("paid"), &messages[0..1]);
        keys.ended(messages[0], true);
        for _ in 0..3 {
            keys.remember(key("rejected"), &messages[1..2]);
            keys.ended(messages[1], false);
        }
        assert!(keys.holds(&key("paid")), "no other is remembered");
    }
}
