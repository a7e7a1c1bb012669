//! Partitions of AWS: `data/partitions.tsv`.

static TEXT: &str = include_str!("../data/partitions.tsv");

/// The partition of a Region: `aws` unless the start of its name says otherwise.
///
/// ```
/// assert_eq!(whittle_catalog::partition_of_region("cn-north-1"), "aws-cn");
/// assert_eq!(whittle_catalog::partition_of_region("eu-central-1"), "aws");
/// ```
pub fn partition_of_region(region: &str) -> &'static str {
    let mut rows = TEXT.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    rows.find(|(_, start)| region.starts_with(start)).map_or("aws", |(partition, _)| partition)
}
