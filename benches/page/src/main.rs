//! Makes `docs/performance.md` and its plots from what the benches have left in `benches/results`. Whatever has not been
//! measured is named with the command that does.
//!
//! usage: `page RESULTS NOTES PAGE`; the plots go into the folder `performance` beside the page.

mod goals;
mod notes;
mod plot;
mod results;
mod sections;
mod spread;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use notes::Notes;
use results::Results;

const HEAD: &str = "# Performance\n\n\
    Made by `make bench-page` from the files in [benches/results](../benches/results) and from \
    [benches/notes.md](../benches/notes.md); what is written here by hand is lost. Each figure is repeated by the command beside it, and each file names its machine and method. Clients, gateway \
    and provider share that machine's cores, so that figures of different machines don't compare, but parties of one run \
    do. Figures are medians, with the quartiles over the rounds in brackets.\n\n\
    The parties: **policy** is this policy in the embedded gateway, **send** the same gateway and API without it, by the \
    engine's own `<send>`, **envoy** an Envoy as it comes, with as many workers as there are cores, **litellm** LiteLLM's \
    proxy and **portkey** Portkey's gateway, each one process as it comes, **direct** no gateway at all. CPU is the \
    gateway's processor time for a request, without the JIT's threads.\n";

/// The title of the goals, for the notes about them.
const GOALS: &str = "Goals and what was measured";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [results, notes, page] = arguments.as_slice() else {
        eprintln!("usage: page RESULTS NOTES PAGE");
        return ExitCode::from(2);
    };
    match write(Path::new(results), Path::new(notes), Path::new(page)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("page: {why}");
            ExitCode::FAILURE
        }
    }
}

fn write(results: &Path, notes: &Path, page: &Path) -> Result<(), Box<dyn Error>> {
    let results = Results::read(results)?;
    let mut notes = Notes::parse(&fs::read_to_string(notes)?);
    let mut text = HEAD.to_owned();
    text += &format!("\n## {GOALS}\n\n");
    text += &goals::table(&results);
    text += &notes.take(GOALS);
    let plots: PathBuf = page.with_extension("");
    fs::create_dir_all(&plots)?;
    for section in sections::all(&results) {
        text += &format!("\n## {}\n\n    {}\n\n", section.title, section.command);
        text += &section.text;
        text += &notes.take(section.title);
        for plot in &section.plots {
            fs::write(plots.join(plot.file()), plot.svg())?;
            text += &format!("\n![{}](performance/{})\n", plot.title, plot.file());
        }
    }
    notes.finish()?;
    fs::write(page, text)?;
    Ok(())
}
