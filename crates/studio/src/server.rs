//! The web server: pages that are part of the program, and an interface for them.
//!
//! Tokens are in the part of a link after `#`, which browsers send nowhere, and travel in a header that no
//! other page can set. What comes from pages of others is refused by [`guard`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::error::{Error, Result};
use crate::guard::{Hosts, guard};
use crate::project::Task;
use crate::studio::Studio;
use crate::workbench::{Workbench, routes};
use crate::{collecting, pages};

/// For how long requests under way may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(2);

/// An address that is listened on.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    app: Router,
}

impl Server {
    /// Listens on an address for the raters of a project; port 0 takes any that is free.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub fn bind(studio: Arc<Studio>, address: SocketAddr) -> Result<Self> {
        let similarity = studio.project().task == Task::Similarity;
        let app = pages::answering("/", similarity)?.merge(pages::overview());
        Self::listen(app.merge(collecting::routes(studio)), address, Vec::new())
    }

    /// Listens on an address for whoever uses a workbench. `hosts` are names by which it may be called besides
    /// addresses and `localhost`.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub fn workbench(
        workbench: Arc<Workbench>,
        address: SocketAddr,
        hosts: Vec<String>,
    ) -> Result<Self> {
        let mut app = pages::workbench()?.merge(pages::answering("/label", true)?);
        if let Some(studio) = workbench.studio() {
            app = app.merge(collecting::routes(Arc::clone(studio)));
        }
        Self::listen(app.merge(routes(workbench)), address, hosts)
    }

    fn listen(app: Router, address: SocketAddr, hosts: Vec<String>) -> Result<Self> {
        let failed = |reason| Error::Serve { address: address.to_string(), reason };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let app = app.layer(from_fn_with_state(Hosts::new(hosts), guard));
        Ok(Self { runtime, listener, address, app })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `ended` says so, which is asked a few times a second.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub fn run(self, mut ended: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        let Self { runtime, listener, address, app } = self;
        let (end, mut ending) = tokio::sync::watch::channel(false);
        let mut also = end.subscribe();
        let served = runtime.block_on(async move {
            tokio::spawn(async move {
                while !ended() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                let _ = end.send(true);
            });
            let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
                let _ = ending.wait_for(|ended| *ended).await;
            });
            tokio::select! {
                served = async { serving.await } => served,
                () = async { let _ = also.wait_for(|ended| *ended).await; tokio::time::sleep(GRACE).await; } => Ok(()),
            }
        });
        runtime.shutdown_timeout(GRACE);
        served.map_err(|reason| Error::Serve { address: address.to_string(), reason })
    }
}
