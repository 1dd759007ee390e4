//! What `events` tells of a class of service, by runc's names.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::Group;

/// All is absent where the container has no class.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    l3_cache_info: Option<CacheInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l3_cache_schema_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l3_cache_schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem_bw_info: Option<BandwidthInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem_bw_schema_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem_bw_schema: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schemata: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mbm_stats: Option<Vec<Bandwidth>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmt_stats: Option<Vec<Occupancy>>,
}

#[derive(Debug, Serialize)]
struct CacheInfo {
    cbm_mask: String,
    min_cbm_bits: u64,
    num_closids: u64,
}

#[derive(Debug, Serialize)]
struct BandwidthInfo {
    bandwidth_gran: u64,
    delay_linear: u64,
    min_bandwidth: u64,
    num_closids: u64,
}

/// Bytes, of one domain.
#[derive(Debug, Serialize)]
struct Bandwidth {
    mbm_total_bytes: u64,
    mbm_local_bytes: u64,
}

/// Bytes of the cache, of one domain.
#[derive(Debug, Serialize)]
struct Occupancy {
    llc_occupancy: u64,
}

impl Group {
    /// # Errors
    /// A file that the kernel has is not to be read.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let info =
            |name: &str| Some(self.root.join("info").join(name)).filter(|path| path.exists());
        let (whole, own) = (read(&self.root, "schemata")?, read(&self.path, "schemata")?);
        let mut usage = Usage {
            schemata: own.lines().map(str::to_owned).collect(),
            ..Usage::default()
        };
        if let Some(cache) = info("L3") {
            usage.l3_cache_info = Some(CacheInfo {
                cbm_mask: read(&cache, "cbm_mask")?,
                min_cbm_bits: number(&cache, "min_cbm_bits")?,
                num_closids: number(&cache, "num_closids")?,
            });
            usage.l3_cache_schema_root = line_of(&whole, "L3");
            usage.l3_cache_schema = line_of(&own, "L3");
        }
        if let Some(bandwidth) = info("MB") {
            usage.mem_bw_info = Some(BandwidthInfo {
                bandwidth_gran: number(&bandwidth, "bandwidth_gran")?,
                delay_linear: number(&bandwidth, "delay_linear")?,
                min_bandwidth: number(&bandwidth, "min_bandwidth")?,
                num_closids: number(&bandwidth, "num_closids")?,
            });
            usage.mem_bw_schema_root = line_of(&whole, "MB");
            usage.mem_bw_schema = line_of(&own, "MB");
        }
        if let Some(counted) = info("L3_MON") {
            let features = read(&counted, "mon_features")?;
            self.count(&features, &mut usage)?;
        }
        Ok(usage)
    }

    fn count(&self, features: &str, usage: &mut Usage) -> Result<()> {
        let has = |feature: &str| features.lines().any(|line| line == feature);
        let data = self.monitor.as_ref().unwrap_or(&self.path).join("mon_data");
        let counted = |domain: &Path, feature: &str| match has(feature) {
            true => number(domain, feature),
            false => Ok(0),
        };
        let (mut bandwidths, mut occupancies) = (Vec::new(), Vec::new());
        let entries = fs::read_dir(&data).with_context(|| format!("read {}", data.display()))?;
        let mut domains: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        domains.sort_unstable();
        for domain in domains.iter().filter(|domain| domain.is_dir()) {
            bandwidths.push(Bandwidth {
                mbm_total_bytes: counted(domain, "mbm_total_bytes")?,
                mbm_local_bytes: counted(domain, "mbm_local_bytes")?,
            });
            occupancies.push(Occupancy {
                llc_occupancy: counted(domain, "llc_occupancy")?,
            });
        }
        let bandwidth = has("mbm_total_bytes") || has("mbm_local_bytes");
        usage.mbm_stats = bandwidth.then_some(bandwidths);
        usage.cmt_stats = has("llc_occupancy").then_some(occupancies);
        Ok(())
    }
}

fn read(directory: &Path, file: &str) -> Result<String> {
    let path = directory.join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

fn number(directory: &Path, file: &str) -> Result<u64> {
    let text = read(directory, file)?;
    text.parse()
        .with_context(|| format!("{}: {text:?} is no number", directory.join(file).display()))
}

fn line_of(schemata: &str, resource: &str) -> Option<String> {
    let mut lines = schemata.lines().map(str::trim);
    lines
        .find(|line| line.starts_with(resource))
        .map(str::to_owned)
}
