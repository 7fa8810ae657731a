/** As ../en/unchecked.js, in Japanese. */
export const UNCHECKED = {
  sentence: "未確認: {why}。",
  report: "レポートが読み取れません",
  certificate: "証明書が読み取れません",
  list: "Intel のリストが読み取れません",
  crl: "失効リストが読み取れません",
  statement: "マシンの言明が読み取れません",
  eventLog: "起動の記録が読み取れません",
  release: "示されたリリースはここでは知られていません",
  request: "答えている問い合わせはここでは知られていません",
  suites: "求めた鍵の種類はここでは知られていません",
  operator: "アドレスまたは運営者の鍵がここでは知られていません",
  elapsed: "応答にかかった時間はここでは知られていません",
};
