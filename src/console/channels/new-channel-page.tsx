import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useAction } from "../api/use-action.ts";
import { useConsole } from "../app/console-context.ts";
import { Field } from "../ui/field.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { ChannelForm } from "./channel-form.tsx";
import { emptyDraft } from "./draft.ts";
import { isKind, type KindName, kindNames, kinds } from "./kinds.ts";
import { createChannel } from "./save-channel.ts";

/** The first step to a channel. */
export function ChooseKindPage() {
  return (
    <>
      <PageTitle title="New channel" />
      <ul className="kinds">
        {kindNames.map((kind) => (
          <li key={kind}>
            <Link href={`/channels/new/${kind}`} className="card kind">
              <strong>{kinds[kind].label}</strong>
              <span className="muted">{kinds[kind].use}</span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

export function NewChannelPage({ kind }: { kind: string }) {
  if (isKind(kind)) return <NewChannel kind={kind} />;
  return <PageTitle title="There is no such kind of channel" />;
}

function NewChannel({ kind }: { kind: KindName }) {
  const { clients, newSecrets } = useConsole();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(emptyDraft);
  const [signing, setSigning] = useState("");
  const creating = useAction(async (enabled: boolean) => {
    const channel = await createChannel(clients, kind, draft, { enabled, signing });
    if (channel.signing?.newSecret) newSecrets.set(channel.id, channel.signing.newSecret);
    navigate(`/channels/${channel.id}`);
  });

  return (
    <>
      <PageTitle title={`New channel: ${kinds[kind].label}`} />
      <div className="card narrow">
        <ChannelForm
          kind={kind}
          draft={draft}
          change={setDraft}
          failure={creating.failure}
          submit={() => void creating.run(true)}
        >
          {kind === "generic_webhook" && (
            <Field
              label="Signing"
              hint="After Standard Webhooks. The secret is shown once, on the next page."
            >
              {(control) => (
                <select {...control} value={signing} onChange={({ target }) => setSigning(target.value)}>
                  <option value="">Not signed</option>
                  <option value="symmetric">With a shared secret (HMAC-SHA256)</option>
                  <option value="ed25519">With a key pair (Ed25519)</option>
                </select>
              )}
            </Field>
          )}
          <div className="actions">
            <button type="submit" className="button primary" disabled={creating.busy}>
              Create channel
            </button>
            <button
              type="button"
              className="button"
              disabled={creating.busy}
              onClick={() => void creating.run(false)}
            >
              Create disabled, to test it first
            </button>
            <Link href="/channels" className="button quiet">
              Cancel
            </Link>
          </div>
        </ChannelForm>
      </div>
    </>
  );
}
