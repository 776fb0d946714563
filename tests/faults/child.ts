/**
 * The program with a fault built in, in a process of its own: `child.ts FAULT ARGUMENT…`, FAULT as JSON. Its clock runs a
 * thousand times as fast, so that checkpoints are as many as steps.
 *
 * @module
 */
import { main } from "../../src/commands/main.ts";

/** What happens to the program. */
export interface Fault {
  /** The GPU device is destroyed after so many submissions of work. */
  readonly loseAfter?: number;
  /** In the end it says how many those were, as the last line of its errors. */
  readonly counts?: true;
  /** Once the device is open, the process may take so many more bytes of addresses, where a CPU plays the GPU. */
  readonly bytes?: number;
}

const [fault, ...args] = Deno.args, { loseAfter, counts, bytes } = JSON.parse(fault) as Fault;
let submissions = 0;
const now = performance.now.bind(performance);
performance.now = () => 1000 * now();

const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  if (bytes !== undefined) await limit(bytes);
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (commands) {
    submit.call(this, commands);
    if (++submissions === loseAfter) device.destroy();
  };
  return device;
};
const code = await main(args);
if (counts) console.error(submissions);
Deno.exit(code);

/** Lets this process take no more than so many bytes of addresses beside those it has. */
async function limit(bytes: number): Promise<void> {
  const status = await Deno.readTextFile("/proc/self/status");
  const now = 1024 * Number(/VmSize:\s+(\d+)/.exec(status)![1]);
  const command = new Deno.Command("prlimit", { args: [`--pid=${Deno.pid}`, `--as=${now + bytes}`] });
  if (!(await command.output()).success) {
    throw new Error("Expected to limit the process's memory, but prlimit failed");
  }
}
