/** This machine's AWS credentials, from the environment or from its instance role (IMDSv2). */
import { request } from "node:http";
import { limitRequest } from "../shared/clock.js";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const METADATA_HOST = "169.254.169.254";
const METADATA_MILLIS = 1000;
/** AWS provides new credentials at least five minutes before the old ones expire. */
const REFRESH_BEFORE_MILLIS = 300_000;
const RETRY_MILLIS = 10_000;
const ROLE_PATH = "/latest/meta-data/iam/security-credentials/";

interface Held extends Credentials {
  /** Wall-clock time, as AWS reports it. */
  readonly expiresAt: number;
}

/** Credentials of the instance's role. Fetches new ones before they expire; keeps valid ones while IMDS is unavailable. */
export class InstanceCredentials {
  private held: Held | undefined;
  private fetching: Promise<void> | undefined;
  private triedAt = Number.NEGATIVE_INFINITY;

  /** @throws Error when there are no valid credentials. */
  async get(): Promise<Credentials> {
    const left = (this.held?.expiresAt ?? 0) - Date.now();
    if (left < REFRESH_BEFORE_MILLIS && performance.now() - this.triedAt > (left > 0 ? RETRY_MILLIS : 0)) {
      this.fetching ??= this.fetch().finally(() => {
        this.fetching = undefined;
      });
      // The present ones are still valid: the caller doesn't wait.
      if (left > 0) this.fetching.catch(() => {});
      else await this.fetching;
    }
    if (!this.held || this.held.expiresAt <= Date.now())
      throw new Error("the instance role returned no valid credentials");
    return this.held;
  }

  private async fetch(): Promise<void> {
    this.triedAt = performance.now();
    const token = await this.ask("PUT", "/latest/api/token", {
      "x-aws-ec2-metadata-token-ttl-seconds": "21600",
    });
    const headers = { "x-aws-ec2-metadata-token": token };
    const role = (await this.ask("GET", ROLE_PATH, headers)).split("\n")[0] ?? "";
    const answer = JSON.parse(await this.ask("GET", `${ROLE_PATH}${role}`, headers)) as Record<
      string,
      string
    >;
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = answer;
    if (!accessKeyId || !secretAccessKey) throw new Error(`role '${role}' returned no credentials`);
    this.held = {
      accessKeyId,
      secretAccessKey,
      sessionToken,
      expiresAt: Date.parse(answer.Expiration ?? ""),
    };
  }

  private ask(method: string, path: string, headers: Record<string, string>): Promise<string> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: METADATA_HOST, method, path, headers }, (incoming) => {
        let body = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          body += chunk;
        });
        incoming.on("error", reject);
        incoming.on("end", () => {
          if (incoming.statusCode === 200) resolve(body);
          else reject(new Error(`instance metadata: status ${incoming.statusCode} for ${path}`));
        });
      });
      limitRequest(outgoing, METADATA_MILLIS);
      outgoing.on("error", (error) => reject(new Error(`instance metadata: ${error.message}`)));
      outgoing.end();
    });
  }
}

/** Prefers the environment, which is how a machine outside EC2 gets its credentials. */
export function credentialsSource(): { get(): Promise<Credentials> } {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  if (!accessKeyId || !secretAccessKey) return new InstanceCredentials();
  return { get: async () => ({ accessKeyId, secretAccessKey, sessionToken }) };
}
