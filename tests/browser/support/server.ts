import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const BIN_DIR = resolve(process.env['UPTO_BIN_DIR'] ?? join(import.meta.dirname, '../../../target/debug'));
/** A body holds no more. */
const BODY_REPORTS = 10_000;

export interface Report {
  context: string;
  type: 'start' | 'end' | 'point' | 'new';
  name?: string;
  host?: string;
  time?: string;
  timeline?: string;
  status?: string;
  labels?: Record<string, string>;
}

/** A new token, and the lines of upto.toml by which a server knows it. */
export async function newToken(name: string, scope: string): Promise<{ token: string; lines: string }> {
  const args = ['token', name, '--scope', scope];
  const { stdout } = await promisify(execFile)(join(BIN_DIR, 'upto'), args, { env: environment() });
  const said = /(upto_[0-9a-f]+)[^]*?(\[\[token\]\][^]*)/.exec(stdout);
  if (said === null) throw new Error(`upto said: ${stdout}`);
  const [, token, lines] = said as unknown as [string, string, string];
  return { token, lines };
}

/** A real server: the `upto` binary on free ports, with its data in a temporary folder. */
export class Server {
  private process: ChildProcess | null = null;
  /** What it wrote on its standard error. */
  log = '';

  private constructor(
    private readonly folder: string,
    private http = '127.0.0.1:0',
    private udp = '127.0.0.1:0',
  ) {}

  static async start(...options: string[]): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), 'upto-browser-')));
    await server.start(...options);
    return server;
  }

  get url(): string {
    return `http://${this.http}`;
  }

  /** Starts it; after `kill` on the same ports and with the same data. */
  async start(...options: string[]): Promise<void> {
    const args = ['serve', '--udp', this.udp, '--http', this.http, ...options];
    const server = spawn(join(BIN_DIR, 'upto'), args, { cwd: this.folder, env: environment() });
    this.process = server;
    server.stderr.on('data', (text) => (this.log += text));
    const first = await new Promise<string>((found, failed) => {
      createInterface(server.stdout).once('line', found);
      server.once('error', failed);
      server.once('exit', () => failed(new Error(`upto did not start:\n${this.log}`)));
    });
    const said = /page and API at http:\/\/(\S+)\/, datagrams at ([^\s,]+)/.exec(first);
    if (said === null) throw new Error(`upto said: ${first}`);
    [, this.http, this.udp] = said as unknown as [string, string, string];
  }

  /** Ends it the hard way, as a crash would. */
  async kill(): Promise<void> {
    const server = this.process;
    this.process = null;
    if (server === null || server.exitCode !== null) return;
    const gone = new Promise((over) => server.once('exit', over));
    server.kill('SIGKILL');
    await gone;
  }

  /** Starts it again with this upto.toml. */
  async restartWith(config: string): Promise<void> {
    await this.kill();
    await writeFile(join(this.folder, 'upto.toml'), config);
    await this.start();
  }

  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs the real client, by UDP. */
  async client(...args: string[]): Promise<void> {
    const env = { ...environment(), UPTO_URL: `udp://${this.udp}` };
    await promisify(execFile)(join(BIN_DIR, 'upto-client'), ['--fail', ...args], { env });
  }

  /** Reports by HTTP; once this returns all of it is stored. */
  async post(reports: readonly Report[]): Promise<void> {
    for (let from = 0; from < reports.length; from += BODY_REPORTS) {
      const response = await fetch(`${this.url}/api/events`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(reports.slice(from, from + BODY_REPORTS)),
      });
      const answer = (await response.json()) as { rejected?: unknown[] };
      if (!response.ok || answer.rejected?.length !== 0) throw new Error(JSON.stringify(answer));
    }
  }
}

/** The environment without what would change how the binaries work. */
function environment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter(([key]) => !key.startsWith('UPTO_') && key !== 'DATABASE_URL'));
}
