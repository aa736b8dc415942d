//! What the command line sets.

/// Longest measured time, seconds.
const LONGEST_S: f64 = 120.0;
/// Most requests of one run.
const MOST: u64 = 2_000_000;
/// Most connections.
const WIDEST: usize = 1024;

/// How to run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) conns: usize,
    pub(crate) secs: f64,
    pub(crate) warmup: f64,
    pub(crate) count: u64,
    pub(crate) pending: u64,
    /// Operations offered a second; 0 is the closed loop.
    pub(crate) rate: f64,
    pub(crate) presign: u64,
    /// The servers' processes; each counts with all its descendants.
    pub(crate) pids: Vec<u32>,
    pub(crate) json: Option<String>,
    /// `seed`: where to write the users that were made.
    pub(crate) out: Option<String>,
    /// `seed`: the bearer for the Management API.
    pub(crate) bearer: Option<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            conns: 16,
            secs: 8.0,
            warmup: 3.0,
            count: 10_000,
            pending: 2_000,
            rate: 0.0,
            presign: 0,
            pids: Vec::new(),
            json: None,
            out: None,
            bearer: None,
        };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
            options.set(name, value)?;
        }
        let is_bounded = options.secs <= LONGEST_S
            && options.count.max(options.pending) <= MOST
            && (1..=WIDEST).contains(&options.conns);
        if is_bounded { Ok(options) } else { Err("bounded runs only".to_owned()) }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("{name} cannot be {value}");
        let number = || value.parse::<f64>().map_err(|_| wrong());
        let whole = || value.parse::<u64>().map_err(|_| wrong());
        match name {
            "--conns" => self.conns = value.parse().map_err(|_| wrong())?,
            "--secs" => self.secs = number()?,
            "--warmup" => self.warmup = number()?,
            "--count" => self.count = whole()?,
            "--pending" => self.pending = whole()?,
            "--rate" => self.rate = number()?,
            "--presign" => self.presign = whole()?,
            "--server-pid" => {
                let pids = value.split(',').map(str::parse).collect::<Result<_, _>>();
                self.pids = pids.map_err(|_| wrong())?;
            }
            "--json" => self.json = Some(value.to_owned()),
            "--out" => self.out = Some(value.to_owned()),
            "--bearer" => self.bearer = Some(value.to_owned()),
            _ => return Err(format!("unknown option {name}")),
        }
        Ok(())
    }
}
