/** The four calls that users already send, byte for byte, and what the answer must hold. */
export const createCalls = [
  {
    kind: "slack-webhook",
    body: `{
  "name": "security-alerts",
  "webhook_url": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
  "event_filters": ["request.pending", "request.break_glass"],
  "enabled": true
}`,
    channel: {
      name: "security-alerts",
      channel_type: "slack_webhook",
      config: { webhook_url: "https://hooks.slack.com/********" },
      event_filters: ["request.pending", "request.break_glass"],
      enabled: true,
    },
  },
  {
    kind: "email",
    body: `{
  "name": "on-call mailbox",
  "smtp_host": "smtp.example.com",
  "smtp_port": 587,
  "from_address": "jitsudo@example.com",
  "to_addresses": ["oncall@example.com", "security@example.com"],
  "smtp_username": "jitsudo",
  "smtp_password": "hunter2",
  "event_filters": []
}`,
    channel: {
      name: "on-call mailbox",
      channel_type: "email",
      config: {
        smtp_host: "smtp.example.com",
        smtp_port: 587,
        from_address: "jitsudo@example.com",
        to_addresses: ["oncall@example.com", "security@example.com"],
        smtp_username: "jitsudo",
        smtp_password: "********",
      },
      event_filters: [],
      enabled: true,
    },
  },
  {
    kind: "generic-webhook",
    body: `{
  "name": "siem",
  "url": "https://siem.example.com/ingest?token=secret",
  "headers": {"Authorization": "Bearer secret"},
  "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  "enabled": false
}`,
    channel: {
      name: "siem",
      channel_type: "generic_webhook",
      config: {
        url: "https://siem.example.com/********",
        headers: { Authorization: "********" },
        signing_secret: "********",
      },
      event_filters: [],
      enabled: false,
    },
  },
  {
    kind: "aws-sns",
    body: `{
  "name": "fan-out",
  "topic_arn": "arn:aws:sns:us-east-1:123456789012:access-events",
  "region": "us-east-1",
  "role_arn": "arn:aws:iam::123456789012:role/publisher",
  "external_id": "tenant-7",
  "event_filters": ["grant.active"]
}`,
    channel: {
      name: "fan-out",
      channel_type: "aws_sns",
      config: {
        topic_arn: "arn:aws:sns:us-east-1:123456789012:access-events",
        region: "us-east-1",
        role_arn: "arn:aws:iam::123456789012:role/publisher",
        external_id: "tenant-7",
      },
      event_filters: ["grant.active"],
      enabled: true,
    },
  },
];
