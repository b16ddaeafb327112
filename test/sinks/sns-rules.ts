/** A message as it was published. */
export interface SnsMessage {
  topicArn: string;
  subject?: string;
  message: string;
  /** With MessageStructure "json": the message by protocol. */
  forms?: Record<string, string>;
  attributes: Record<string, string>;
  groupId?: string;
  deduplicationId?: string;
}

/** An error answer: HTTP status, AWS error code and text. */
export interface SnsError {
  status: number;
  code: string;
  message: string;
}

/** Reads the parameters of Publish (AWS query protocol) and holds them against the rules of the API reference. */
export function readPublish(form: URLSearchParams): SnsMessage | SnsError {
  const attributes: Record<string, string> = {};
  let size = Buffer.byteLength(form.get("Message") ?? "");
  for (let n = 1; form.has(`MessageAttributes.entry.${n}.Name`); n++) {
    const read = (part: string) => form.get(`MessageAttributes.entry.${n}.${part}`) ?? "";
    const [name, type, value] = [read("Name"), read("Value.DataType"), read("Value.StringValue")];
    if (!/^[\w.-]{1,256}$/.test(name) || type !== "String" || value === "")
      return invalid("MessageAttributes");
    attributes[name] = value;
    size += Buffer.byteLength(name + type + value);
  }
  const message: SnsMessage = {
    topicArn: form.get("TopicArn") ?? "",
    message: form.get("Message") ?? "",
    attributes,
    ...optional("subject", form.get("Subject")),
    ...optional("groupId", form.get("MessageGroupId")),
    ...optional("deduplicationId", form.get("MessageDeduplicationId")),
  };
  const broken = brokenRule(message, size);
  if (broken) return invalid(broken);
  if (form.get("MessageStructure") !== "json") return message;
  const forms = readForms(message.message);
  return forms ? { ...message, forms } : invalid("Message Structure - No default entry in JSON message body");
}

/** A JSON object of texts, with one for `default`. */
function readForms(message: string): Record<string, string> | undefined {
  try {
    const forms = JSON.parse(message);
    const texts = Object.values(forms).every((text) => typeof text === "string" && text !== "");
    return texts && typeof forms.default === "string" ? forms : undefined;
  } catch {
    return undefined;
  }
}

function brokenRule({ topicArn, subject, message, groupId, deduplicationId }: SnsMessage, size: number) {
  const id = /^[!-~]{1,128}$/;
  const fifo = topicArn.endsWith(".fifo");
  if (!/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?$/.test(topicArn)) return "TopicArn";
  if (message === "") return "Empty message";
  if (size > 262_144) return "Message too long";
  if (subject !== undefined && !/^[A-Za-z0-9!-/:-@[-`{-~][ -~]{0,98}$/.test(subject)) return "Subject";
  if (fifo && (!groupId || !id.test(groupId))) return "MessageGroupId";
  if (fifo && (!deduplicationId || !id.test(deduplicationId))) return "MessageDeduplicationId";
  if (!fifo && deduplicationId !== undefined) return "MessageDeduplicationId";
  return undefined;
}

function invalid(what: string): SnsError {
  return { status: 400, code: "InvalidParameter", message: `Invalid parameter: ${what}` };
}

function optional<Name extends string>(name: Name, value: string | null): { [N in Name]?: string } {
  return value === null ? {} : ({ [name]: value } as { [N in Name]: string });
}
