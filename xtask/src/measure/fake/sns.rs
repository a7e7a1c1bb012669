//! Answers of SNS and STS.

use super::super::account::{ACCOUNT, REGION, uuid};
use super::super::http::Response;
use super::{TABLE, xml_answer};

pub fn topic_arn() -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{TABLE}")
}

pub fn publish() -> Response {
    xml_answer(format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>{}</MessageId>\
         </PublishResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></PublishResponse>",
        uuid("message")
    ))
}

pub fn identity() -> Response {
    xml_answer(format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::{ACCOUNT}:assumed-role/whittle-role/whittle</Arn><UserId>AROAEXAMPLEWHITTLE222:whittle</UserId>\
         <Account>{ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId>\
         </ResponseMetadata></GetCallerIdentityResponse>"
    ))
}
