//! Clients of the AWS services, built once and shared.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use crate::bridge::Bridge;
use crate::calls::CallCounter;
use crate::error::port_error;

/// Tries of one call, the first included. Lambda's control plane answers 15 requests a second for everybody
/// in the account (Lambda Developer Guide, "Lambda quotas"), so being refused a few times is normal.
const MAX_ATTEMPTS: u32 = 8;

/// How to reach AWS. What is not set comes from the environment and the configuration files, as in every AWS
/// tool.
#[derive(Debug, Clone, Default)]
pub struct AwsSettings {
    /// Profile of the configuration files.
    pub profile: Option<String>,
    /// Region of table and topic, and the first to be looked at.
    pub region: Option<String>,
}

/// Everything needed to call AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    bridge: Bridge,
    calls: CallCounter,
}

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Account id.
    pub account: String,
    /// ARN of the caller.
    pub arn: String,
    /// Partition of the ARN.
    pub partition: String,
}

impl Aws {
    /// Reads settings, environment and configuration files; calls nothing.
    pub async fn load(settings: &AwsSettings) -> Result<Self, PortError> {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(Duration::from_mins(1))
                    .build(),
            );
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(PortError::new(PortErrorKind::Invalid, "no Region is set")
                .with_hint("set AWS_REGION, or give --region, or a profile with a Region"));
        }
        Self::from_config(config)
    }

    /// Clients with a configuration that is made already; calls nothing.
    pub fn from_config(config: SdkConfig) -> Result<Self, PortError> {
        Ok(Self { config, bridge: Bridge::new()?, calls: CallCounter::default() })
    }

    /// Requests sent by all clients of this value and its clones, by `Service.Operation`. Each try counts.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.counts()
    }

    /// The same, and counts from nothing again: for a process that makes several runs.
    pub fn take_calls(&self) -> BTreeMap<String, u64> {
        self.calls.take()
    }

    /// The Region of table and topic.
    pub fn region(&self) -> String {
        self.config.region().map(ToString::to_string).unwrap_or_default()
    }

    /// Waits for futures on behalf of ports that block.
    pub fn bridge(&self) -> Bridge {
        self.bridge
    }

    /// Who calls. Requires no permission (AWS STS API Reference, `GetCallerIdentity`).
    pub async fn identity(&self) -> Result<CallerIdentity, PortError> {
        let answer =
            self.sts().get_caller_identity().send().await.map_err(|error| {
                port_error(error, "sts:GetCallerIdentity", "cannot tell whose credentials these are")
            })?;
        let arn = answer.arn().unwrap_or_default().to_owned();
        let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
        Ok(CallerIdentity { account: answer.account().unwrap_or_default().to_owned(), arn, partition })
    }

    /// Client of IAM, which is one for all Regions of a partition.
    pub fn iam(&self) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::config::Builder::from(&self.config).interceptor(self.calls.clone());
        aws_sdk_iam::Client::from_conf(config.build())
    }

    /// Client of AWS STS.
    pub fn sts(&self) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.config).interceptor(self.calls.clone());
        aws_sdk_sts::Client::from_conf(config.build())
    }

    /// Client of Lambda in `region`.
    pub fn lambda(&self, region: &str) -> aws_sdk_lambda::Client {
        let config = aws_sdk_lambda::config::Builder::from(&self.in_region(region)).interceptor(self.calls.clone());
        aws_sdk_lambda::Client::from_conf(config.build())
    }

    /// Client of CloudTrail in `region`.
    pub fn cloudtrail(&self, region: &str) -> aws_sdk_cloudtrail::Client {
        let config = aws_sdk_cloudtrail::config::Builder::from(&self.in_region(region)).interceptor(self.calls.clone());
        aws_sdk_cloudtrail::Client::from_conf(config.build())
    }

    /// Client of S3 in `region`.
    pub fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let config = self.in_region(region);
        // Another endpoint than that of AWS (an emulator, a gateway) rarely answers for host names of
        // buckets.
        let path_style = config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(path_style);
        aws_sdk_s3::Client::from_conf(config.interceptor(self.calls.clone()).build())
    }

    /// Client of DynamoDB in the Region of the table.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config).interceptor(self.calls.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Client of SNS in the Region of the topic.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::config::Builder::from(&self.config).interceptor(self.calls.clone());
        aws_sdk_sns::Client::from_conf(config.build())
    }

    fn in_region(&self, region: &str) -> SdkConfig {
        self.config.to_builder().region(Region::new(region.to_owned())).build()
    }
}
