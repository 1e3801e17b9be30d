//! Runs the fuzz target `decode` on some random inputs. `cargo fuzz` runs it on many more.

use super::fuzz_decode;
use super::random::Random;
use super::sample::SAMPLE;

#[test]
fn fuzz_target_accepts_random_inputs() {
    let mut random = Random(11);
    for _ in 0..300 {
        let mut input = random.object(&SAMPLE).to_string().into_bytes();
        input.insert(0, random.below(256).to_le_bytes()[0]);
        fuzz_decode::run(&input);
        for _ in 0..random.below(8) {
            let at = random.below(input.len());
            input[at] = b"{}[],:\"\\ 0a-.e"[random.below(14)];
        }
        fuzz_decode::run(&input);
    }
}
