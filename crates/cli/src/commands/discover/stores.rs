//! Stores by what is given to `--store`: a folder, or the address of a server.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use lookalike_discover::store::{Embedded, EmbeddedOptions, Fingerprint, VectorStore, is_address};

/// How servers are reached. Tokens are read from the environment or a file, so that no list of processes shows them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Stores on servers")]
pub(super) struct ServerArgs {
    /// Allow a connection to another machine that is not encrypted
    #[arg(long, hide = !cfg!(feature = "milvus"))]
    insecure: bool,

    /// A file with the token of the server, user:password or a key [default: LOOKALIKE_MILVUS_TOKEN, if it is set]
    #[arg(long, value_name = "FILE", hide = !cfg!(feature = "milvus"))]
    token_file: Option<PathBuf>,

    /// Certificates (PEM) to check the server's against [default: those of the system]
    #[arg(long, value_name = "FILE", hide = !cfg!(feature = "milvus"))]
    ca_file: Option<PathBuf>,

    /// Our certificate (PEM), where the server asks for one
    #[arg(long, value_name = "FILE", requires = "client_key", hide = !cfg!(feature = "milvus"))]
    client_certificate: Option<PathBuf>,

    /// The key of our certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "client_certificate", hide = !cfg!(feature = "milvus"))]
    client_key: Option<PathBuf>,
}

/// Opens a store to read it.
pub(super) fn read(path: &Path, server: &ServerArgs) -> anyhow::Result<Box<dyn VectorStore>> {
    match is_address(&path.to_string_lossy()) {
        true => on_server(path, None, &EmbeddedOptions::default(), server, false),
        false => Ok(Box::new(Embedded::read_only(path, EmbeddedOptions::default())?)),
    }
}

/// Opens a store to read all that was ever acknowledged, however long that takes.
pub(super) fn read_strongly(
    path: &Path,
    server: &ServerArgs,
) -> anyhow::Result<Box<dyn VectorStore>> {
    match is_address(&path.to_string_lossy()) {
        true => on_server(path, None, &EmbeddedOptions::default(), server, true),
        false => read(path, server),
    }
}

/// Opens a store to write to it, and makes it where there is none.
pub(super) fn write(
    path: &Path,
    fingerprint: &Fingerprint,
    options: EmbeddedOptions,
    server: &ServerArgs,
) -> anyhow::Result<Box<dyn VectorStore>> {
    match is_address(&path.to_string_lossy()) {
        true => on_server(path, Some(fingerprint), &options, server, true),
        false => Ok(Box::new(Embedded::create(path, fingerprint, options)?)),
    }
}

#[cfg(feature = "milvus")]
fn on_server(
    path: &Path,
    fingerprint: Option<&Fingerprint>,
    options: &EmbeddedOptions,
    server: &ServerArgs,
    strong: bool,
) -> anyhow::Result<Box<dyn VectorStore>> {
    use lookalike_discover::store::{MilvusAddress, MilvusOptions, MilvusStore, Token};

    const TOKEN: &str = "LOOKALIKE_MILVUS_TOKEN";
    let address = MilvusAddress::parse(&path.to_string_lossy())?;
    let token = match (&server.token_file, std::env::var(TOKEN)) {
        (Some(file), _) => Some(Token::read(file)?),
        (None, Ok(token)) => Some(Token::new(&token)?),
        (None, Err(std::env::VarError::NotPresent)) => None,
        (None, Err(std::env::VarError::NotUnicode(_))) => bail!("{TOKEN} is not Unicode"),
    };
    let options = MilvusOptions {
        token,
        ca_file: server.ca_file.clone(),
        identity: server.client_certificate.clone().zip(server.client_key.clone()),
        insecure: server.insecure,
        strong,
        approximate_from: options.approximate_from,
        ..MilvusOptions::default()
    };
    Ok(Box::new(match fingerprint {
        Some(fingerprint) => MilvusStore::create(&address, fingerprint, &options)?,
        None => MilvusStore::open(&address, &options)?,
    }))
}

#[cfg(not(feature = "milvus"))]
fn on_server(
    path: &Path,
    _: Option<&Fingerprint>,
    _: &EmbeddedOptions,
    _: &ServerArgs,
    _: bool,
) -> anyhow::Result<Box<dyn VectorStore>> {
    bail!(
        "{}: this program was built without stores on servers; build it with the feature milvus \
         ('cargo install lookalike-cli --features milvus'), or name a folder",
        path.display()
    )
}

/// Refuses addresses of servers where a folder is needed, and says for what.
pub(super) fn only_folders(path: &Path, what: &str) -> anyhow::Result<()> {
    if is_address(&path.to_string_lossy()) {
        bail!(
            "{}: {what} takes a store in a folder; 'lookalike discover store copy' makes one of it",
            path.display()
        );
    }
    Ok(())
}

/// Stores to read, each under the name of its model; names that come twice get the store's own.
pub(super) fn named(
    paths: &[PathBuf],
    server: &ServerArgs,
) -> anyhow::Result<Vec<(String, Box<dyn VectorStore>)>> {
    named_by(paths, |path| read(path, server), |store| Ok(store.describe()?.fingerprint.model))
}

/// The same for stores in folders.
pub(in crate::commands) fn named_folders(
    paths: &[PathBuf],
) -> anyhow::Result<Vec<(String, Embedded)>> {
    let open = |path: &Path| {
        only_folders(path, "the studio")?;
        Ok(Embedded::read_only(path, EmbeddedOptions::default())?)
    };
    named_by(paths, open, |store| Ok(store.describe()?.fingerprint.model))
}

fn named_by<S>(
    paths: &[PathBuf],
    open: impl Fn(&Path) -> anyhow::Result<S>,
    model: impl Fn(&S) -> anyhow::Result<String>,
) -> anyhow::Result<Vec<(String, S)>> {
    let mut all: Vec<(String, S)> = Vec::new();
    let mut taken: Vec<PathBuf> = Vec::new();
    for path in paths {
        let store = open(path)?;
        let place = path.canonicalize().unwrap_or_else(|_| path.clone());
        if taken.contains(&place) {
            bail!("{}: the store is given twice", path.display());
        }
        taken.push(place);
        let mut name = model(&store)?;
        if all.iter().any(|(known, _)| *known == name) {
            name = format!("{name} ({})", path.display());
        }
        all.push((name, store));
    }
    Ok(all)
}
