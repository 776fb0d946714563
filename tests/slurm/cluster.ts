/**
 * A Slurm of this machine's own, for as long as a test takes: munged, slurmctld and slurmd from Debian's packages, set up in a
 * temporary folder, on ports that were free, with two slots. Nothing that the system has set up is used or changed.
 *
 * @module
 */
import { join } from "node:path";

const PROGRAMS = [
  "munged",
  "mungekey",
  "slurmctld",
  "slurmd",
  "sbatch",
  "squeue",
  "scancel",
  "scontrol",
  "sinfo",
];
/** Milliseconds that daemons have to come up, and to end. */
const PATIENCE = 60_000;

/** Why there can be no Slurm here; null where there can. */
export async function whyNoSlurm(): Promise<string | null> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "it takes root on Linux";
  for (const program of PROGRAMS) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `command -v ${program}`],
      stdout: "null",
    })
      .output();
    if (!success) return `${program} is not installed (apt-get install slurm-wlm munge)`;
  }
  return null;
}

/** A Slurm that runs. */
export class Cluster implements AsyncDisposable {
  readonly #folder: string;
  readonly #environment: Record<string, string>;
  readonly #daemons: Deno.ChildProcess[] = [];

  private constructor(folder: string, environment: Record<string, string>) {
    this.#folder = folder;
    this.#environment = { ...environment, SLURM_CONF: join(folder, "slurm.conf") };
  }

  /** Starts one. @param environment what its jobs find, beside this process's */
  static async start(environment: Record<string, string>): Promise<Cluster> {
    const cluster = new Cluster(await Deno.makeTempDir({ prefix: "adtr-slurm-" }), environment);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      const logs = await cluster.#logs();
      await cluster[Symbol.asyncDispose]();
      throw new Error(`Slurm does not start: ${(error as Error).message}\n${logs}`);
    }
  }

  /** Runs one of Slurm's commands. @throws {Error} with what it says where it fails */
  async call(program: string, ...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(program, { args, env: this.#environment })
      .output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (!success) throw new Error(`${program} ${args.join(" ")}: ${text(stderr)}${text(stdout)}`);
    return text(stdout);
  }

  async #start(): Promise<void> {
    const folder = this.#folder, host = Deno.hostname().split(".")[0];
    await Deno.chmod(folder, 0o755);
    for (const name of ["state", "spool"]) await Deno.mkdir(join(folder, name));
    await this.call("mungekey", "--create", `--keyfile=${join(folder, "munge.key")}`);
    const [control, node] = [freePort(), freePort()], socket = join(folder, "munge.socket");
    await Deno.writeTextFile(
      join(folder, "slurm.conf"),
      `ClusterName=adtr
SlurmctldHost=${host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=${control}
SlurmdPort=${node}
AuthType=auth/munge
AuthInfo=socket=${socket},cred_expire=10
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=3
MinJobAge=300
SlurmdParameters=config_overrides
NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`,
    );
    const files = ["key-file=munge.key", "pid-file=munge.pid", "seed-file=munge.seed", "log-file=munge.log"];
    this.#spawn(
      "munged",
      "--foreground",
      "--force",
      `--socket=${socket}`,
      ...files.map((file) => {
        const [name, path] = file.split("=");
        return `--${name}=${join(folder, path)}`;
      }),
    );
    await until("munged answers", async () => (await Deno.stat(socket)).isSocket === true);
    this.#spawn("slurmctld", "-D", "-i");
    this.#spawn("slurmd", "-D", "-N", host);
    await until("the node is idle", async () => /\bidle\b/.test(await this.call("sinfo", "-h", "-o", "%t")));
  }

  #spawn(name: string, ...args: string[]): void {
    const child = new Deno.Command(name, {
      args,
      env: this.#environment,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#daemons.push(child);
  }

  async #logs(): Promise<string> {
    const names = ["munge.log", "slurmctld.log", "slurmd.log"];
    const logs = names.map((name) => Deno.readTextFile(join(this.#folder, name)).catch(() => `no ${name}`));
    return (await Promise.all(logs)).map((text) => text.split("\n").slice(-15).join("\n")).join("\n");
  }

  /** Ends the jobs and the daemons, and removes all they have written. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isUp = this.#daemons.length === 3;
    if (isUp) {
      await this.call("scancel", "--full", "--user=root").catch(() => {});
      await until("all jobs have ended", async () => await this.call("squeue", "-h") === "").catch(() => {});
    }
    for (const child of this.#daemons.toReversed()) {
      const ended = child.status,
        kill = (signal: Deno.Signal) => {
          try {
            child.kill(signal);
          } catch {
            // It has ended.
          }
        };
      kill("SIGTERM");
      const timer = setTimeout(() => kill("SIGKILL"), PATIENCE);
      await ended;
      clearTimeout(timer);
    }
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Waits until something holds. @throws {Error} where it doesn't in time */
export async function until(what: string, holds: () => Promise<boolean>, patience = PATIENCE): Promise<void> {
  const began = performance.now();
  while (!await holds().catch(() => false)) {
    if (performance.now() - began > patience) {
      throw new Error(`Expected that ${what}, but it isn't so in time`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return (listener.addr as Deno.NetAddr).port;
}
