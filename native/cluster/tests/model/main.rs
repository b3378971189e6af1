//! The protocol, played with every choice taken from a seed: messages lost, late and doubled, operations lost and done
//! twice, nodes killed, links cut, the store emptied. `CLUSTER_SEEDS=100000` plays that many worlds of each kind,
//! `CLUSTER_SEED=…` one of them.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

mod script;
mod store;
mod world;

use std::time::Duration;

use failover_suspension::State;

use world::{Faults, World};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn worlds(faults: Faults, play: impl Fn(&mut World)) {
    let seeds = match number("CLUSTER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CLUSTER_SEEDS").unwrap_or(150),
    };
    let mut probes = 0;
    for seed in seeds {
        let mut world = World::new(seed, 2 + (seed % 3) as usize, faults);
        play(&mut world);
        probes += world.probes;
    }
    assert!(probes > 0, "nobody has probed in any of the worlds");
}

const CALM: Faults = Faults {
    messages: 0,
    operations: 0,
    deaths: false,
    flushes: false,
};

const ROUGH: Faults = Faults {
    messages: 30,
    operations: 20,
    deaths: true,
    flushes: true,
};

#[test]
fn one_probe_at_a_time_and_nobody_starves_while_the_store_answers() {
    let faults = Faults {
        messages: 30,
        ..CALM
    };
    worlds(faults, |world| world.play(60_000));
}

#[test]
fn no_suspension_becomes_shorter_and_nobody_starves_whatever_fails() {
    worlds(ROUGH, |world| world.play(120_000));
}

#[test]
fn after_whatever_has_failed_a_suspension_reaches_all_and_a_clear_does() {
    worlds(ROUGH, |world| {
        world.play(40_000);
        world.heal();
        world.suspend();
        world.play(3000);
        let least = Duration::from_secs(56);
        let left = world.left();
        world.demand(
            left.iter().all(|left| *left > least),
            &format!("all must have it suspended for most of a minute, but {left:?} is left"),
        );
        world.clear();
        world.play(3000);
        let states = world.states();
        let healthy = |states: &[State]| states.iter().all(|s| *s == State::Healthy);
        world.demand(
            healthy(&states),
            &format!("all must be healthy, but are {states:?}"),
        );
        world.play(20_000);
        let states = world.states();
        world.demand(
            healthy(&states),
            &format!("all must stay so, but are {states:?}"),
        );
        // A clear on the heels of a suspension, at the same node or at one that has just heard of it.
        for pause in 0..8 {
            world.suspend();
            world.play(pause * 2);
            world.clear();
            world.play(3000);
            let states = world.states();
            let what = format!("a clear {} ms later must reach all: {states:?}", pause * 2);
            world.demand(healthy(&states), &what);
        }
        world.hold(true);
        world.play(3000);
        let states = world.states();
        world.demand(
            states.iter().all(|s| *s == State::Held),
            &format!("all must be held, but are {states:?}"),
        );
        world.hold(false);
        world.play(3000);
        let states = world.states();
        world.demand(
            healthy(&states),
            &format!("all must be released, but are {states:?}"),
        );
    });
}
