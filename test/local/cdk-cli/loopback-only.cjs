// Preloaded into the CDK CLI: a connection to anything but loopback is written to standard error and refused.
const net = require("node:net");

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function guarded(...args) {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host = typeof first === "object" ? (first.host ?? first.path) : args[1];
  if (host !== undefined && !["127.0.0.1", "localhost", "::1"].includes(host) && !String(host).startsWith("/")) {
    process.stderr.write(`STRANGE HOST ${host}\n`);
    setImmediate(() => this.destroy(new Error(`connection to ${host} refused by the test`)));
    return this;
  }
  return connect.apply(this, args);
};
