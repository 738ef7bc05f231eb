//! Where networks are computed: by the kernels of the processor, or on a device of the tensor engine.
//!
//! A device has the name that the command line gives it: `cpu`, `wgpu` or `wgpu:N` for a graphics card by Vulkan,
//! Metal or DirectX, `cuda` or `cuda:N`. The features `wgpu` and `cuda` compile them in.
//!
//! The choice of the process ([`Compute::chosen`]) is made once, before anything is computed, as that of the
//! instruction set is ([`Processor`](lookalike_kernels::Processor)).

use std::sync::OnceLock;

#[cfg(feature = "engine")]
use burn::tensor::Device;

use crate::{Error, Result};

static CHOSEN: OnceLock<Compute> = OnceLock::new();

/// Who computes networks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Compute {
    /// The kernels of the processor.
    #[default]
    Kernels,
    /// The tensor engine, on one of its devices.
    #[cfg(feature = "engine")]
    Engine(Device),
}

impl Compute {
    /// That of a name: `cpu`, `wgpu`, `wgpu:N`, `cuda`, `cuda:N`.
    ///
    /// # Errors
    /// [`Error::Device`] for other names, what is not compiled in and what the machine does not have.
    pub fn named(name: &str) -> Result<Self> {
        let refused = |reason: String| Error::Device { name: name.to_owned(), reason };
        let (kind, number) = match name.split_once(':') {
            Some((kind, number)) => (kind, Some(number)),
            None => (name, None),
        };
        let number: Option<usize> = match number.map(str::parse) {
            None => None,
            Some(Ok(number)) => Some(number),
            Some(Err(_)) => return Err(refused("expected a number behind the colon".to_owned())),
        };
        match (kind, number) {
            ("cpu", None) => Ok(Self::Kernels),
            ("wgpu", number) => wgpu(number).map_err(refused),
            ("cuda", number) => cuda(number).map_err(refused),
            _ => Err(refused("expected cpu, wgpu, wgpu:N, cuda or cuda:N".to_owned())),
        }
    }

    /// What this process computes with: what [`choose`](Self::choose) said, else the kernels.
    pub fn chosen() -> Self {
        CHOSEN.get().cloned().unwrap_or_default()
    }

    /// Makes this the choice of the process.
    ///
    /// # Errors
    /// [`Error::Device`] where there was a choice before.
    pub fn choose(self) -> Result<()> {
        let again = |_| Error::Device {
            name: "another device".to_owned(),
            reason: "this process has chosen already".to_owned(),
        };
        CHOSEN.set(self).map_err(again)
    }

    /// Whether the kernels of the processor compute.
    pub fn is_kernels(&self) -> bool {
        matches!(self, Self::Kernels)
    }

    /// For what only the kernels can compute, in a process that may have chosen something else.
    ///
    /// # Errors
    /// [`Error::KernelsAlone`] where it has.
    pub fn expect_kernels(what: &'static str) -> Result<()> {
        if Self::chosen().is_kernels() { Ok(()) } else { Err(Error::KernelsAlone(what)) }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
/// Devices of a kind: those that the engine finds.
fn of_kind(
    kind: burn::tensor::DeviceType,
    number: Option<usize>,
    what: &str,
) -> Result<Compute, String> {
    // Without a driver some systems panic instead of giving an empty list.
    let found = std::panic::catch_unwind(|| Device::enumerate(kind));
    let found = found.map_err(|_| format!("asking for {what} failed; is its driver installed?"))?;
    let at = number.unwrap_or(0);
    match found.get(at) {
        Some(device) => Ok(Compute::Engine(device.clone())),
        None if found.is_empty() => Err(format!("this machine has no {what}")),
        None => Err(format!("expected a number below {}, found {at}", found.len())),
    }
}

#[cfg(feature = "wgpu")]
fn wgpu(number: Option<usize>) -> Result<Compute, String> {
    of_kind(
        burn::tensor::DeviceType::Wgpu,
        number,
        "graphics card that Vulkan, Metal or DirectX shows",
    )
}

#[cfg(feature = "cuda")]
fn cuda(number: Option<usize>) -> Result<Compute, String> {
    of_kind(burn::tensor::DeviceType::Cuda, number, "card with CUDA")
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: Option<usize>) -> Result<Compute, String> {
    Err(absent("wgpu"))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: Option<usize>) -> Result<Compute, String> {
    Err(absent("cuda"))
}

#[cfg(not(all(feature = "wgpu", feature = "cuda")))]
fn absent(feature: &str) -> String {
    format!("this program was built without it; build it with `--features {feature}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_or_refused_with_a_reason() {
        assert!(Compute::named("cpu").unwrap().is_kernels());
        let refused = |name: &str| Compute::named(name).unwrap_err().to_string();
        for wrong in ["", "gpu", "cpu:0", "CPU", "tpu:1"] {
            assert!(refused(wrong).contains("expected cpu, wgpu"), "{wrong}");
        }
        assert!(refused("wgpu:first").contains("a number behind the colon"));
        #[cfg(not(feature = "wgpu"))]
        assert!(refused("wgpu").contains("--features wgpu"), "{}", refused("wgpu"));
        #[cfg(not(feature = "cuda"))]
        assert!(refused("cuda:1").contains("--features cuda"), "{}", refused("cuda:1"));
    }
}
