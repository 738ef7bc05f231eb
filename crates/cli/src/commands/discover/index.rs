//! `lookalike discover index`: a folder of pictures into a store.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use clap::Args;
use lookalike::decode::DecodeOptions;
use lookalike::pairing::{self, NameFilter};
use lookalike_discover::catalogue::{Indexing, MetadataTable, Products};
use lookalike_discover::embedder::{BUILT_IN, embedder};
use lookalike_discover::store::EmbeddedOptions;
use serde_json::json;

use super::printing::{self, Printed, Rows};
use super::progress;
use super::stores::{self, ServerArgs};
use crate::Status;
use crate::args::{Alpha, GlobalArgs, pixels};
use crate::log::{Log, on_interrupt};
use crate::output::Output;
use crate::report::ErrorRecord;

#[derive(Debug, Args)]
#[command(
    after_help = "A run that was stopped goes on where it was: only what is new or changed is read \
                        again. Without --product-regex, --products or a product in --metadata every picture \
                        shows another product."
)]
pub(super) struct IndexArgs {
    /// The folder of the pictures
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The store: a folder, or the address of a server; it is made where there is none
    #[arg(long, value_name = "DIR|ADDRESS")]
    store: PathBuf,

    /// What makes vectors of pictures: sight, colour-hist, hog, lipsim:mini; with weights of others lpips:alex,
    /// lpips:vgg, lpips:squeeze, clip:b32, dreamsim:ensemble, dino:s8, resnet50@logits and the like
    #[arg(long, value_name = "ID", default_value = BUILT_IN[0])]
    model: String,

    /// What of a picture's path names the product: the first group, or all that matches, such as 'id_\d+'
    #[arg(long, value_name = "REGEX", conflicts_with = "products")]
    product_regex: Option<String>,

    /// A CSV with the columns path,product
    #[arg(long, value_name = "FILE")]
    products: Option<PathBuf>,

    /// A CSV with a column path, or id for the file's name without extension, and anything else: product,
    /// category, colour, phase, split, bbox (x,y,width,height: only that part is looked at), and columns of your
    /// own; or the same as Parquet, or the metadata of the VSD benchmark in JSON
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,

    /// Only names that match the pattern, relative to the folder
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,

    /// No names that match the pattern
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Keep rows whose picture is gone
    #[arg(long)]
    keep_missing: bool,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value = "white")]
    alpha: Alpha,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    max_pixels: u64,

    /// Keep an approximate index from this many pictures on
    #[arg(long, value_name = "N", default_value_t = EmbeddedOptions::default().approximate_from)]
    approximate_from: usize,

    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(super) fn run(args: &IndexArgs, global: &GlobalArgs) -> anyhow::Result<Status> {
    printing::check(global, "index")?;
    let started = Instant::now();
    let products = match (&args.product_regex, &args.products) {
        (Some(text), _) => Products::expression(text)?,
        (_, Some(path)) => Products::table(path)?,
        _ => Products::default(),
    };
    let table = args.metadata.as_deref().map(MetadataTable::read).transpose()?.unwrap_or_default();
    let filter = NameFilter::new(&args.include, &args.exclude)?;
    let (paths, unreachable) = pairing::pictures_in(&args.folder, &filter)?;
    let relative = |path: &PathBuf| path.strip_prefix(&args.folder).map(Path::to_path_buf);
    let names = paths.iter().map(relative).collect::<Result<Vec<_>, _>>()?;
    let embedder = embedder(&args.model)?;
    let options = EmbeddedOptions { approximate_from: args.approximate_from };
    let store = stores::write(&args.store, embedder.fingerprint(), options, &args.server)?;
    if let Ok(folder) = args.folder.canonicalize() {
        store.set_pictures(&folder)?;
    }
    let output = Output::open(global)?;
    let indexing = Indexing {
        store: store.as_ref(),
        embedder: embedder.as_ref(),
        decode: DecodeOptions {
            alpha: args.alpha.into(),
            max_pixels: args.max_pixels,
            shorter_side: None,
        },
        products: &products,
        table: &table,
        // What could not be listed is not gone.
        keep_missing: args.keep_missing || !unreachable.is_empty(),
    };
    let bar = progress::bar(names.len(), "pictures", global);
    let cancelled = on_interrupt();
    let outcome = indexing.run(&args.folder, &names, &cancelled, &|event| {
        bar.set_position(event.done as u64);
    })?;
    bar.finish_and_clear();
    let log = Log::new(0, global);
    let lost = unreachable.iter().map(|one| ErrorRecord::new(&one.path, &one.message));
    let failed = outcome.failed.iter().map(|one| ErrorRecord::new(&one.path, &one.message));
    let mut errors: Vec<ErrorRecord> = lost.chain(failed).collect();
    if outcome.left_out > 0 {
        let message = format!(
            "stopped: {} pictures were left out; the same command goes on",
            outcome.left_out
        );
        errors.push(ErrorRecord::of_the_run(&message));
    }
    errors.iter().for_each(|error| log.warn(&error.to_string()));
    if outcome.without_product > 0 && (args.product_regex.is_some() || args.products.is_some()) {
        log.warn(&format!(
            "of {} pictures nothing says the product; each counts as a product of its own",
            outcome.without_product
        ));
    }
    if outcome.added + outcome.changed + outcome.unchanged == 0 && !errors.is_empty() {
        bail!("no picture could be stored");
    }
    let seconds = started.elapsed().as_secs_f64();
    let counts = [
        ("added", outcome.added),
        ("changed", outcome.changed),
        ("unchanged", outcome.unchanged),
        ("removed", outcome.removed),
        ("embedded", outcome.embedded),
        ("failed", outcome.failed.len()),
    ];
    let mut json = json!({
        "schema": "lookalike.index/1", "model": args.model, "seconds": seconds, "errors": errors,
    });
    let mut rows = Rows::new(&["what", "count"], &[1]);
    for (name, count) in counts {
        json[name] = count.into();
        rows.rows.push(vec![name.to_owned(), count.to_string()]);
    }
    let parts = counts.iter().filter(|one| one.1 > 0 && one.0 != "embedded");
    let parts: Vec<String> = parts.map(|(name, count)| format!("{count} {name}")).collect();
    let text = format!("{} in {seconds:.1} s", parts.join(", "));
    printing::write(&Printed { json, items: "errors", rows, text }, global, output)?;
    Ok(if errors.is_empty() { Status::Passed } else { Status::Incomplete })
}
