import { createApp } from '../app.js';
import { runCommand } from './run.js';

/** The command that starts the proxy, and all that a call goes through: what the build makes one file of. */
export const proxyCommand = runCommand(createApp);
