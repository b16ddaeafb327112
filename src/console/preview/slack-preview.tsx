import type { SlackBlock, SlackMessage } from "../../channels/slack-message.ts";
import { type SlackToken, slackTexts } from "./slack-markup.ts";

/** A Slack message about as Slack draws it. It knows the blocks that our messages use. */
export function SlackPreview({ message }: { message: SlackMessage }) {
  return (
    <figure className="slack">
      <div className="slack-avatar" aria-hidden="true">
        J
      </div>
      <div className="slack-message">
        <p className="slack-from">
          <strong>JITSudo</strong> <span className="slack-app">APP</span>
        </p>
        {message.blocks.map((block, index) => (
          <Block key={keyOf(block, index)} block={block} />
        ))}
        {message.attachments.map(({ color, blocks }) => (
          <div key={color} className="slack-attachment" style={{ borderColor: color }}>
            {blocks.map((block, index) => (
              <Block key={keyOf(block, index)} block={block} />
            ))}
          </div>
        ))}
        <figcaption>An approximation of Slack’s own look.</figcaption>
      </div>
    </figure>
  );
}

function Block({ block }: { block: SlackBlock }) {
  switch (block.type) {
    case "header":
      return <p className="slack-header">{block.text.text}</p>;
    case "context":
      return (
        <div className="slack-context">
          {block.elements.map(({ text }) => (
            <Markup key={text} text={text} />
          ))}
        </div>
      );
    case "actions":
      return (
        <p className="slack-actions">
          {block.elements.map(({ text, style, url }) => (
            <span key={url} className={`slack-button ${style ?? ""}`} title={url}>
              {text.text}
            </span>
          ))}
        </p>
      );
    case "section":
      return "fields" in block ? (
        <div className="slack-fields">
          {block.fields.map(({ text }) => (
            <div key={text}>
              <Markup text={text} />
            </div>
          ))}
        </div>
      ) : (
        <div className="slack-section">
          <Markup text={block.text.text} />
        </div>
      );
  }
}

function Markup({ text }: { text: string }) {
  return slackTexts(text).map(({ quote, tokens }, index) => {
    const drawn = tokens.map((token, at) => <Token key={keyOf(token, at)} token={token} />);
    const key = String(index);
    return quote ? <blockquote key={key}>{drawn}</blockquote> : <div key={key}>{drawn}</div>;
  });
}

const time = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

function Token({ token }: { token: SlackToken }) {
  switch (token.kind) {
    case "bold":
      return <strong>{token.text}</strong>;
    case "mention":
      return <span className="slack-mention">{token.text}</span>;
    case "date":
      return time.format(token.seconds * 1000);
    case "break":
      return <br />;
    case "text":
      return token.text;
  }
}

/** What a message is made of has no ids; it is drawn once and does not change. */
function keyOf(part: { type: string } | { kind: string }, index: number): string {
  return `${"type" in part ? part.type : part.kind} ${index}`;
}
