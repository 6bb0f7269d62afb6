import base64
import json


def handler(event, context):
    what = (event.get("pathParameters") or {}).get("what", "")
    if what == "binary":
        body = base64.b64encode(b"\x00\xff").decode()
        headers = {"Content-Type": "application/octet-stream"}
        several = {"Set-Cookie": ["a=1", "b=2"], "X-Several": ["1", "2"]}
        return {
            "statusCode": 201,
            "headers": headers,
            "multiValueHeaders": several,
            "body": body,
            "isBase64Encoded": True,
        }
    if what == "malformed":
        return {"body": {"not": "text"}}
    return {"statusCode": 200, "body": json.dumps(event)}
