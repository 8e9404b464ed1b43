"""A WeChat server for development. It has the calls of the accounts service and behaves like WeChat.

Every answer is HTTP 200 with `errcode` in the body. The answer to the login is `text/plain`. Codes:

    dev:<openid>           logs in as that openid, any number of times (a real code works once)
    dev-once:<openid>:<n>  logs in as that openid, once
    dev-phone:<11 digits>  that phone number
    dev-error:<errcode>    answers with that error, e.g. dev-error:40226
    anything else          40029, invalid code

`/_phone/…` is the phone's side: log in and read the steps. `/_fake/…` is for tests: the messages received, and faults.
"""

from deploy.local.fake_wechat.server import create_app

__all__ = ["create_app"]
