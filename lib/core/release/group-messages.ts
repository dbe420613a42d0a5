import type { Notification } from "../ports.ts";
import { doctorCommand } from "./findings.ts";
import { isLeftToDo, rollbackGroupCommand } from "./release-groups.ts";
import { describeMember, type GroupRevertResult } from "./revert-group.ts";

/** A group was put back: who is where, what is left, and what to run next. */
export function groupNotification({
  environment,
  name,
  reason,
  result,
}: {
  environment: string;
  name: string;
  reason: string;
  result: GroupRevertResult;
}): Notification {
  const { members, flags, restoredSeconds } = result;
  const left = members.filter(isLeftToDo);
  const flagsLeft = flags.flatMap(({ remaining }) => remaining);
  const moved = members.filter(({ outcome }) => outcome === "restored");
  const next = [
    ...(left.length > 0 || flagsLeft.length > 0 ? [`Finish it: ${rollbackGroupCommand(name)}`] : []),
    ...moved.map(({ functionName, alias }) => `Before its next deploy: ${doctorCommand(functionName, alias)}`),
  ];
  return {
    severity: "critical",
    subject: `group ${name}: ${left.length > 0 ? "needs you, not all is back" : "rolled back"} (${environment})`,
    lines: [
      `Release group ${name} was put back, the last released first: ${reason}.`,
      ...members.map((member) => `${describeMember(member)}.`),
      ...flags.map(({ profileId, outcome, switchedOff, alreadyOff, remaining }) =>
        outcome === "off"
          ? `Flags of ${profileId}: ${[...switchedOff, ...alreadyOff].join(", ") || "none"} off.`
          : `Flags of ${profileId} are ${outcome}: ${remaining.join(", ")}.`,
      ),
      ...(restoredSeconds === undefined ? [] : [`All traffic was back after ${Math.round(restoredSeconds)} s.`]),
      ...next,
    ],
    data: {
      ...{ event: "group", environment, group: name, reason, members, flags, next },
      restoredSeconds: restoredSeconds ?? null,
    },
  };
}
