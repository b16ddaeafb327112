// The package comes without types; these are the parts that the tests use.
declare module "@usebruno/lang" {
  interface Pair {
    name: string;
    value: string;
  }
  const parsers: {
    bruToJsonV2(text: string): {
      meta: { name: string; seq: string };
      http: { method: string; url: string };
      body?: { json?: string };
      vars?: { res?: Pair[] };
      assertions: Pair[];
    };
    bruToEnvJsonV2(text: string): { variables: Pair[] };
    collectionBruToJson(text: string): { headers: Pair[] };
  };
  export default parsers;
}
