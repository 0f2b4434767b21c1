use std::path::PathBuf;

/// Shows the whole product on this machine, with simulated vendors. Nothing leaves it.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Play, verify what happened at the vendors and in Postgres, and exit: 1 if anything was lost or sent twice
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object instead of the live view; set by the command's own `--json`
    #[arg(skip)]
    pub json: bool,
    /// Let time run fast: thirty days in about a minute, or N times as fast as the clock on the wall
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "43200")]
    pub speed: Option<f64>,
    /// How many webhooks to play
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub webhooks: u32,
    /// Where the private servers keep their data; wiped at every start
    #[arg(long, default_value = ".data/demo")]
    pub data: PathBuf,
}
