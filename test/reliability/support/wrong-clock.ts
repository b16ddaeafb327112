// Loaded before a service: its wall clock is wrong by CLOCK_OFFSET_MS milliseconds.

const RealDate = Date;
const now = () => RealDate.now() + Number(process.env.CLOCK_OFFSET_MS);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
});
