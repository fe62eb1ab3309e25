//! What judges at the moment: a net, and the policy with its classes and thresholds. A new head takes its place in one step;
//! judgements under way end with the one they began with.

use std::sync::{Arc, PoisonError, RwLock};

use metrics::gauge;

use super::{JudgeError, Policy};
use crate::{
    config::Settings,
    model::{Bundle, Net, Runtime},
};

/// A net and its policy.
pub struct Live {
    /// The net.
    pub net: Net,
    /// The rules, with this net's thresholds.
    pub policy: Policy,
    /// Name and version of the model.
    pub title: String,
    /// What its features depend on.
    pub features_id: String,
}

impl Live {
    /// Puts net and policy together.
    ///
    /// # Errors
    /// If a rule names a class or a threshold that the model has not.
    pub fn new(net: Net, settings: &Settings) -> Result<Self, JudgeError> {
        let policy = Policy::new(&settings.policy, net.manifest())?;
        let (title, features_id) = (net.manifest().title(), net.manifest().features_id());
        Ok(Self { net, policy, title, features_id })
    }
}

/// The one that is live.
pub struct Current(RwLock<Arc<Live>>);

impl Current {
    /// Begins with this one.
    pub fn new(live: Live) -> Self {
        tell(&live, 1.0);
        Self(RwLock::new(Arc::new(live)))
    }

    /// The one that is live now.
    pub fn get(&self) -> Arc<Live> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the head of another bundle in its place, after it has passed its known-answer run.
    ///
    /// # Errors
    /// If that bundle can't be used; then the old one stays.
    pub fn replace(&self, bundle: &Bundle, runtime: &Runtime, settings: &Settings) -> Result<(), JudgeError> {
        let net = self.get().net.with_head_of(runtime, bundle)?;
        net.verify()?;
        let live = Arc::new(Live::new(net, settings)?);
        tell(&self.get(), 0.0);
        tell(&live, 1.0);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(())
    }
}

fn tell(live: &Live, in_use: f64) {
    gauge!("imagespam_milter_model_info", "model" => live.title.clone()).set(in_use);
}
