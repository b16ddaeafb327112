/** What docs/messages.md says before the events. */
export const opening = `<!-- Written by \`npm run gallery\` from the real renderers. Change those, or scripts/gallery, and run it again. -->

# What people receive

Nine events, four channels. Every notice answers in this order: what has happened, who gets what and until when, what to do now, why, and where to act. Details come last.

- **One wording for all channels.** The event is put into words once (\`src/channels/summary.ts\`); each channel draws those. Nothing is made up: what the sender left out is left out of the sentence.
- **Late is told as late.** Where \`expires_at\` has passed by the time a notice goes out, because it was replayed or its endpoint was away, the notice says "had … until …" and asks for no decision. It is grey then, unless it is break-glass.
- **Four colours tell from afar how loud it is.** Red is break-glass and nothing else. Orange: something to do, a channel that was disabled among it, or access refused or taken away. Green: access given. Grey: something ran out.
- **Whatever an event holds is harmless.** Texts cannot mention, link, format or end a line of ours; invisible characters and those that turn the direction of text go; long values are cut where people read, and whole where programs do.

The e-mails below are the real HTML, drawn by Chromium. The Slack pictures are not from Slack: they are drawn from the real Block Kit message by a small HTML page that resembles Slack's desktop client. What follows is a tenant with time zone Europe/Berlin and \`link_base_url\` \`https://jitsudo.example.com\`.

## Settings

A tenant sets once how its notices look, with a key that has the scope \`channels:write\`:

\`\`\`sh
curl -X PUT "$URL/v1/tenant-settings" -H "X-API-Key: $KEY" -H "X-Tenant-ID: $TENANT" -H 'Content-Type: application/json' -d '{
  "time_zone": "Europe/Berlin",
  "product_name": "Acme Access",
  "logo_url": "https://static.acme.example/logo.png",
  "link_base_url": "https://access.acme.example"
}'
\`\`\`

| setting | what it does | default |
| --- | --- | --- |
| \`time_zone\` | IANA name. E-mail tells times in it and in UTC. Slack shows times in each reader's own zone anyway; JSON and text messages are in UTC. | UTC alone |
| \`product_name\` | Sender of e-mails, and signature. | JITSudo |
| \`logo_url\` | https URL of a picture, shown 28 pixels high on top of e-mails. | none |
| \`link_base_url\` | For events without a \`url\`: notices link to \`<link_base_url>/requests/<request_id>\` and \`<link_base_url>/grants/<grant_id>\`. | no links |

What the request omits stays; an empty text puts a setting back. Changes take effect on the next attempt of any delivery and are in the audit trail.

| channel | field | what it does |
| --- | --- | --- |
| Slack | \`break_glass_mention\` | \`here\`, \`channel\` or the id of a user group (\`S012AB3CD\`): mentioned by \`request.break_glass\`, and by nothing else. |
| webhook | \`format\` | \`standard\` (default), \`cloudevents_structured\` or \`cloudevents_binary\`. |

## What to rely on

- **Webhook.** The body follows [notice.v1.schema.json](schema/notice.v1.schema.json) (JSON Schema 2020-12). Its \`schema\` member names the version. Members may be added; none is renamed or removed within a version.
- **E-mail.** All mails about one request or grant have the same \`References\` and \`In-Reply-To\`, and the same subject behind the bracket (the base subject of RFC 5256), so they sort and thread together. \`List-Id\`, \`X-JITSudo-Event-Type\` and \`Auto-Submitted: auto-generated\` are there for filters. \`Message-ID\` and \`Date\`, the time at which the delivery was made, are the same on every attempt. The plain-text part says what the HTML part says.
- **SNS.** \`MessageStructure\` is \`json\`: \`default\` (queues, functions, endpoints) is the webhook's JSON, \`email\` is readable, \`sms\` fits into one text message, or two with a long link, in the alphabet of telephones; names that this cannot spell are sent as they are, in fewer characters. Subjects are ASCII: accents go, and words of which nothing is left. Attributes: \`event_type\`, \`tenant_id\`, \`severity\`, and \`request_id\` and \`resource_type\` where known. A message that is too large for SNS has justification and reason cut first, then lacks \`attributes\`; the attribute \`truncated\` says so.
- **Slack.** What must be seen is in blocks, which Slack never folds; details are in an attachment, whose bar has the colour.`;

/** And after them. */
export const closing = `## With nothing but the type

An event needs no field but its type. The sentences hold without the others: "Someone used break-glass to get access." is still an alarm, and "The request for access was denied." is still true.`;
