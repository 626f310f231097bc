"""The pages that people see at the practice provider."""

from __future__ import annotations

_FRAME = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title} - Practice identity provider</title>
</head>
<body>
<main>
{main}
</main>
</body>
</html>
"""

SIGN_IN = _FRAME.format(
    title="Sign in",
    main="""<h1>Sign in</h1>
<p>Practice identity provider, for {{ client }}</p>
{% if failed %}<p role="alert">The user name or the password is wrong.</p>{% endif %}
<form method="post">
  <p><label for="username">User name</label><br>
  <input id="username" name="username" autocomplete="username" value="{{ username }}" required autofocus></p>
  <p><label for="password">Password</label><br>
  <input id="password" name="password" type="password" autocomplete="current-password" required></p>
  <p><button type="submit">Sign in</button></p>
</form>""",
)

PROBLEM = _FRAME.format(
    title="We are sorry",
    main="""<h1>We are sorry</h1>
<p role="alert">{{ problem }}</p>""",
)

SIGNED_OUT = _FRAME.format(title="Signed out", main="<h1>You are signed out</h1>")
