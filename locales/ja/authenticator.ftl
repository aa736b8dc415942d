# ウェブ認証アプリ。他者が書いた文字列は変数として渡され、周囲の文から分離される。

app-name = { $name } 認証アプリ
app-description = サインイン、支払い、同意の依頼に、この端末から出ない鍵で答えます。
left-hours = 残り { $count } 時間
left-minutes = 残り { $count } 分
left-seconds = 残り { $count } 秒
request-title = { $name } からの依頼
