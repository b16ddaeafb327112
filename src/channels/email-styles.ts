const fonts = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/** Inline styles by the part of the mail that they belong to: all that many mail readers know. */
export const styles = {
  page: "margin:0;padding:0;background-color:#f6f8fa",
  hidden:
    "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;color:#f6f8fa;mso-hide:all",
  outer: "padding:24px 12px",
  card: `width:100%;max-width:600px;border-collapse:separate;background-color:#ffffff;border:1px solid #d0d7de;border-radius:10px;overflow:hidden;font-family:${fonts};font-size:15px;line-height:1.5;color:#1f2328;word-break:break-word;text-align:left`,
  logo: "padding:16px 24px;font-size:0;",
  logoImage: "display:block;height:28px;border:0",
  band: "padding:14px 24px;",
  title: "margin:0;font-size:19px;font-weight:700;line-height:1.3;color:#ffffff",
  lead: "padding:22px 24px 0;font-size:18px;line-height:1.45;",
  step: "padding:10px 24px 0;font-size:15px;",
  cell: "padding:18px 24px 0;",
  foot: "padding:18px 24px 20px;font-size:12px;color:#59636e;",
  strong: "font-weight:600",
  label: "padding:0 0 4px;font-size:12px;font-weight:600;color:#59636e",
  quote: "padding:8px 14px;background-color:#f6f8fa;border-radius:4px",
  buttonTable: "border-collapse:separate",
  buttonCell: "border-radius:8px",
  button:
    "display:block;padding:13px 28px;font-size:16px;font-weight:600;line-height:1.25;color:#ffffff;text-decoration:none",
  secondLink: "margin:12px 0 0;font-size:14px",
  link: "color:#0969da",
  facts: "border-collapse:collapse;border-top:1px solid #d0d7de;font-size:14px",
  factLabel:
    "width:116px;padding:7px 16px 7px 0;border-bottom:1px solid #e6eaef;font-weight:400;white-space:nowrap;color:#59636e",
  factValue: "padding:7px 0;border-bottom:1px solid #e6eaef",
} as const;

/**
 * The style sheet for readers that know one: dark mode (prefers-color-scheme; Outlook's
 * own mark, data-ogsc) and screens of a phone's width. It has to outdo the inline styles.
 */
export const darkStyles = [
  ":root{color-scheme:light dark;supported-color-schemes:light dark}",
  `@media (prefers-color-scheme:dark){${dark("")}}`,
  dark("[data-ogsc] "),
  "@media (max-width:480px){",
  ".outer{padding:0!important}",
  ".card{border-radius:0!important;border-left:0!important;border-right:0!important}",
  ".logo,.band,.lead,.step,.cell,.foot{padding-left:16px!important;padding-right:16px!important}",
  ".wide{width:100%!important}",
  "th.fact{width:92px!important;padding-right:10px!important}",
  "}",
].join("");

function dark(scope: string): string {
  const rules = {
    ".page": "background-color:#010409!important",
    ".card": "background-color:#0d1117!important;border-color:#30363d!important;color:#e6edf3!important",
    ".label,.foot": "color:#9198a1!important",
    ".quote": "background-color:#161b22!important",
    ".link": "color:#4493f8!important",
    ".facts,.fact": "border-color:#30363d!important",
  };
  return Object.entries(rules)
    .map(([selectors, rule]) => {
      const scoped = selectors.split(",").map((selector) => scope + selector);
      return `${scoped.join(",")}{${rule}}`;
    })
    .join("");
}
