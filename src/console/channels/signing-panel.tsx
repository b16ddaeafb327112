import { useEffect, useState } from "react";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useAction } from "../api/use-action.ts";
import { useConsole } from "../app/console-context.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { Field } from "../ui/field.tsx";
import { FailureNote } from "../ui/notes.tsx";
import { Time } from "../ui/time.tsx";

interface SigningPanelProps {
  channel: NotificationChannel;
  changed(channel: NotificationChannel): void;
}

/** How a webhook signs, and the way to another secret. */
export function SigningPanel({ channel, changed }: SigningPanelProps) {
  const { may, newSecrets } = useConsole();
  const [secret, setSecret] = useState(newSecrets.get(channel.id));
  useEffect(() => void newSecrets.delete(channel.id), [newSecrets, channel.id]);
  const keys = channel.signing?.keys ?? [];
  return (
    <section className="card stack" aria-labelledby="signing">
      <h2 id="signing">Signing</h2>
      {secret !== undefined && <NewSecret secret={secret} done={() => setSecret(undefined)} />}
      {keys.length === 0 && <p className="muted">Notices are not signed.</p>}
      <ul className="plain stack">
        {keys.map((key) => (
          <li key={`${key.type} ${key.signsUntil ? "old" : "new"}`}>
            {key.type === "ed25519" ? "Ed25519 key pair" : "Shared secret (HMAC-SHA256)"},{" "}
            {key.signsUntil ? (
              <>
                signs as well until <Time at={key.signsUntil} />
              </>
            ) : (
              "signs now"
            )}
            {key.publicKey !== "" && (
              <span className="copyable">
                <code>{key.publicKey}</code> <CopyButton text={key.publicKey} label="Copy the public key" />
              </span>
            )}
          </li>
        ))}
      </ul>
      {may("channels:write") && (
        <Rotate
          channel={channel}
          rotated={(next) => {
            setSecret(next.signing?.newSecret);
            changed(next);
          }}
        />
      )}
    </section>
  );
}

function NewSecret({ secret, done }: { secret: string; done(): void }) {
  return (
    <div className="note good" role="status">
      <p>
        <strong>The new secret.</strong> It is shown this once; give it to the receiver.
      </p>
      <p className="copyable">
        <code>{secret}</code>
      </p>
      <div className="actions">
        <CopyButton text={secret} label="Copy the secret" />
        <button type="button" className="button" onClick={done}>
          I have it
        </button>
      </div>
    </div>
  );
}

const overlaps = [
  { seconds: 86_400, label: "for one more day" },
  { seconds: 604_800, label: "for one more week" },
  { seconds: 3_600, label: "for one more hour" },
  { seconds: 0, label: "no longer" },
];

function Rotate({
  channel,
  rotated,
}: {
  channel: NotificationChannel;
  rotated(next: NotificationChannel): void;
}) {
  const { clients } = useConsole();
  const signs = (channel.signing?.keys.length ?? 0) > 0;
  const [type, setType] = useState(channel.signing?.keys[0]?.type ?? "symmetric");
  const [overlapSeconds, setOverlapSeconds] = useState(86_400);
  const rotating = useAction(() =>
    clients.channels.rotateSigningSecret({ id: channel.id, type, overlapSeconds }),
  );
  async function rotate() {
    const next = await rotating.run(undefined);
    if (next) rotated(next);
  }
  return (
    <div className="stack">
      {rotating.failure && <FailureNote failure={rotating.failure} />}
      <Field label={signs ? "Next secret" : "Secret"}>
        {(control) => (
          <select {...control} value={type} onChange={({ target }) => setType(target.value)}>
            <option value="symmetric">Shared secret (HMAC-SHA256)</option>
            <option value="ed25519">Key pair (Ed25519)</option>
          </select>
        )}
      </Field>
      {signs && (
        <Field label="The old one signs as well">
          {(control) => (
            <select
              {...control}
              value={overlapSeconds}
              onChange={({ target }) => setOverlapSeconds(Number(target.value))}
            >
              {overlaps.map(({ seconds, label }) => (
                <option key={seconds} value={seconds}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <div className="actions">
        <button type="button" className="button" disabled={rotating.busy} onClick={() => void rotate()}>
          {signs ? "Rotate the secret" : "Make a secret"}
        </button>
      </div>
    </div>
  );
}
