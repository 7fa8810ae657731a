/** As ../en/passed.js, in Japanese. */
export const PASSED = {
  "quote.parse": "レポートは、本体が {body} のバージョン {version} のクォートです。",
  "quote.chain": "証明書はこのプロセッサー（FMSPC {fmspc}）から Intel のルートにつながり、失効したものはありません。",
  "quote.chain.simulated":
    "証明書はこのプロセッサー（FMSPC {fmspc}）からこの環境のシミュレーターにつながり、失効したものはありません。",
  "quote.collateral": "リストは本物で、評価番号は {number}、{until} UTC まで有効です。",
  "quote.qe": "プロセッサーが保証する鍵で、Intel のクォーティングエンクレーブがレポートを作りました。",
  "quote.signature": "レポートはプロセッサーが署名したときのままです。",
  "tcb.status": "このプラットフォームに対する Intel の判定は {status} です（アドバイザリー: {advisories}）。",
  "tcb.status.grace":
    "このプラットフォームに対する Intel の判定は {status} です（アドバイザリー: {advisories}）。ポリシーは {until} UTC までこれを認めます。",
  "platform.id": "プラットフォーム {platform} は、ポリシーに挙げられています。",
  "td.attributes": "マシンは閉じています。デバッグ、プロファイリング、移動はできません。",
  "td.measurements": "起動されたのはリリース {version}、モデルは {model} です。",
  "binding.report_data": "レポートは、マシンがこのセッションについて述べたことをそのまま保証しています。",
  "binding.nonce": "レポートはこの問い合わせだけに答えています。",
  "binding.key": "このセッションの鍵（{suite}）は、レポートにある鍵です。",
  "binding.origin": "レポートは {origin} のために、ここで知られている運営者が作りました。",
  "binding.fresh": "レポートは {seconds} 秒前のものです。",
  "binding.log": "公開ログは、前に見たものと同じです。",
  "binding.log.grown": "公開ログは、前に見てから増えただけです。",
  "binding.log.unseen": "この公開ログを前に見た記録はありません。",
  "verdict.token": "証明サービス {issuer} は、まさにこのレポートを肯定しています。",
  "verdict.token.silent":
    "証明サービス {issuer} は、まさにこのレポートを肯定しています。プラットフォームの状態には触れていないため、それはここだけで判断しています。",
  "verdict.token.several": "{asked} の証明サービスのうち {agreeing} が、まさにこのレポートを肯定しています: {issuer}。",
  "verdict.token.several.silent":
    "{asked} の証明サービスのうち {agreeing} が、まさにこのレポートを肯定しています: {issuer}。どれもプラットフォームの状態には触れていないため、それはここだけで判断しています。",
};
