// The little of Node that these tests use; its own types are a package that nothing else needs.
declare module "node:test" {
  export function test(name: string, run: () => void | Promise<void>): void;
}
declare module "node:assert/strict" {
  interface Assert {
    ok(value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    throws(run: () => unknown, expected?: RegExp | ((error: unknown) => boolean)): void;
    match(text: string, pattern: RegExp): void;
    fail(message: string): never;
  }
  const assert: Assert;
  export default assert;
}
