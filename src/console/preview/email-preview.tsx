import { useEffect, useRef, useState } from "react";
import type { EmailPreview as Email } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";

/** A mail as it looks, and as it reads without HTML. */
export function EmailPreview({ preview }: { preview: Email }) {
  const { from, to, subject, text, html } = preview;
  const [asText, setAsText] = useState(false);
  return (
    <div className="stack">
      <dl className="facts small">
        <div>
          <dt>From</dt>
          <dd>{from}</dd>
        </div>
        <div>
          <dt>To</dt>
          <dd>{to.join(", ")}</dd>
        </div>
        <div>
          <dt>Subject</dt>
          <dd>{subject}</dd>
        </div>
      </dl>
      <fieldset className="tabs">
        <legend className="sr-only">Form of the mail</legend>
        <label>
          <input type="radio" name="mail" checked={!asText} onChange={() => setAsText(false)} />
          HTML
        </label>
        <label>
          <input type="radio" name="mail" checked={asText} onChange={() => setAsText(true)} />
          Plain text
        </label>
      </fieldset>
      {asText ? <pre className="excerpt">{text}</pre> : <MailFrame html={html} />}
    </div>
  );
}

/**
 * The frame's own document comes with a policy that allows styles and nothing else, and
 * its sandbox runs no script; the same origin is what lets this page put the mail into it.
 */
function MailFrame({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    const target = frame.current?.contentDocument;
    if (!isReady || !target || !frame.current) return;
    // Parsed by the frame's own document, so that the frame's policy holds and not this page's.
    target.documentElement.innerHTML = html;
    const height = target.documentElement.scrollHeight;
    frame.current.style.height = `${Math.min(Math.max(height, 200), 900)}px`;
  }, [html, isReady]);
  return (
    <iframe
      ref={frame}
      className="mail-frame"
      title="The e-mail"
      sandbox="allow-same-origin"
      src="/console/mail-frame.html"
      onLoad={() => setReady(true)}
    />
  );
}
