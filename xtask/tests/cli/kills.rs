//! Three workers on one store, and kills at random moments: of workers and of stages.

use crate::support::{Checkout, Ended, kill, slow};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

/// Names how many kills there are to be.
const VARIABLE: &str = "TWINSET_KILLS";
const USUAL: usize = 6;

/// Numbers that look random, from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn worker(checkout: &Checkout) -> Child {
    let mut command = checkout.xtask(&["work", "small", "--seeds", "4", "--jobs", "2", "--quiet"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn kills_lose_no_run_and_change_no_byte() {
    let n_kills = std::env::var(VARIABLE).ok().map_or(USUAL, |text| text.parse().unwrap());
    let whole = Checkout::new(&slow());
    assert_eq!(whole.run(&["reproduce", "small", "--seeds", "4"]).code, Some(0));
    let expected = whole.outputs();

    let mut random = Random(n_kills as u64 + 1);
    let mut n_done = 0;
    while n_done < n_kills {
        // Studies that end before all kills are done are begun anew.
        let checkout = Checkout::new(&slow());
        let mut workers = [(); 3].map(|()| worker(&checkout));
        while n_done < n_kills && !workers.iter_mut().all(|worker| worker.try_wait().unwrap().is_some()) {
            thread::sleep(Duration::from_millis(20 + random.below(400)));
            let running = checkout.running("");
            let place = random.below(3) as usize;
            let is_alive = workers[place].try_wait().unwrap().is_none();
            match random.below(2) {
                0 if !running.is_empty() => {
                    let id = running[random.below(running.len() as u64) as usize];
                    // It may have ended by itself.
                    let _ = std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status();
                }
                _ if is_alive => {
                    kill("-KILL", workers[place].id());
                    workers[place].wait().unwrap();
                    workers[place] = worker(&checkout);
                }
                _ => continue,
            }
            n_done += 1;
        }
        for mut worker in workers {
            worker.wait().unwrap();
        }
        // A stage that was killed is a run that failed; it is tried again.
        let ended: Ended = checkout.run(&["reproduce", "small", "--seeds", "4"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let outputs = checkout.outputs();
        for path in expected.keys().chain(outputs.keys()) {
            let [there, here] =
                [&expected, &outputs].map(|of| of.get(path).map(|bytes| String::from_utf8_lossy(bytes)));
            assert_eq!(here, there, "{} after {n_done} kills", path.display());
        }
        assert!(checkout.folders(".partial").is_empty());
    }
}
