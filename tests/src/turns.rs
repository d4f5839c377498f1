//! One fault after the other at each operation in turn.

use futures::future::join_all;

/// Checks each of `cases` at turn 0, 1, 2 and so on, until `check` says that this turn did not come. The cases run side by
/// side, since they mostly wait. Returns the fewest turns that came.
pub async fn each_turn<C: Copy, F: Future<Output = bool>>(cases: &[C], check: impl Fn(C, u64) -> F) -> u64 {
    let turns = cases.iter().map(|case| async {
        let mut at = 0;
        while Box::pin(check(*case, at)).await {
            at += 1;
        }
        at
    });
    join_all(turns).await.into_iter().min().unwrap_or(0)
}
