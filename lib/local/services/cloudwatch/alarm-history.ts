import type { AlarmHistoryItem, AlarmType, HistoryItemType } from "@aws-sdk/client-cloudwatch";

/** History is kept for two weeks (CloudWatch guide, 2023). */
const KEPT_MS = 14 * 86_400_000;

export class AlarmHistory {
  private items: AlarmHistoryItem[] = [];

  add(item: {
    alarm: { name: string; kind: "metric" | "composite" };
    atMs: number;
    type: HistoryItemType;
    summary: string;
    data: Record<string, unknown>;
  }): void {
    this.items.push({
      AlarmName: item.alarm.name,
      AlarmType: item.alarm.kind === "metric" ? "MetricAlarm" : "CompositeAlarm",
      Timestamp: new Date(item.atMs),
      HistoryItemType: item.type,
      HistorySummary: item.summary,
      HistoryData: JSON.stringify(item.data),
    });
    if (this.items.length % 1000 === 0) {
      this.items = this.items.filter((kept) => (kept.Timestamp?.getTime() ?? 0) >= item.atMs - KEPT_MS);
    }
  }

  /** Oldest first. */
  select(filter: {
    name?: string;
    types: readonly AlarmType[];
    itemType?: HistoryItemType;
    from?: Date;
    to?: Date;
    nowMs: number;
  }): AlarmHistoryItem[] {
    const oldest = Math.max(filter.from?.getTime() ?? 0, filter.nowMs - KEPT_MS);
    return this.items.filter((item) => {
      const at = item.Timestamp?.getTime() ?? 0;
      return (
        (filter.name === undefined || item.AlarmName === filter.name) &&
        filter.types.includes(item.AlarmType as AlarmType) &&
        (filter.itemType === undefined || item.HistoryItemType === filter.itemType) &&
        at >= oldest &&
        (filter.to === undefined || at <= filter.to.getTime())
      );
    });
  }

  clear(): void {
    this.items = [];
  }
}
