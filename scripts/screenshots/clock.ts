// Loaded into each thread of the service before everything else: its clock begins a day ago,
// and each SIGUSR2 moves it on by half an hour, until it is that of the machine.

const stepMs = 1_800_000;
let offsetMs = -86_400_000;

const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [target.now() + offsetMs] : args, newTarget),
  apply: (target) => new target(target.now() + offsetMs).toString(),
  get(target, name, receiver) {
    return name === "now" ? () => target.now() + offsetMs : Reflect.get(target, name, receiver);
  },
});

// The main thread alone hears of signals.
const steps = new BroadcastChannel("clock");
steps.onmessage = ({ data }) => {
  offsetMs = data;
};
steps.unref();

process.on("SIGUSR2", () => {
  offsetMs = Math.min(0, offsetMs + stepMs);
  steps.postMessage(offsetMs);
});
